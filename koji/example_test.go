package koji_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// exampleHub is a hub with a build in a tag.
func exampleHub() (*kojitest.Server, error) {
	hub := kojitest.NewHub()
	if _, err := hub.AddTag(kojitest.Tag{Name: "f44-updates"}); err != nil {
		return nil, err
	}
	_, err := hub.AddBuild(kojitest.Build{
		NVR: "hello-2.12-1.fc44", Tags: []string{"f44-updates"}, RPMs: []kojitest.RPM{
			{Name: "hello", Arch: "src", Data: []byte("...")},
			{Name: "hello", Arch: "x86_64", Data: []byte("...")},
			{Name: "hello-doc", Arch: "noarch", Data: []byte("...")},
		},
	})
	if err != nil {
		return nil, err
	}
	return hub.Start("127.0.0.1:0")
}

// Many questions in one request, each with its own answer.
func ExampleBatch() {
	server, err := exampleHub()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()
	client, err := koji.New(server.HubURL, koji.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	batch := client.Batch()
	hello, none := batch.GetBuild(koji.NVR("hello-2.12-1.fc44")), batch.GetBuild(koji.NVR("none-1-1"))
	tags := batch.ListTags(koji.TagOptions{Build: koji.NVR("hello-2.12-1.fc44")})
	if err := batch.Do(context.Background()); err != nil {
		fmt.Println(err)
		return
	}
	build, err := hello.Get()
	fmt.Println(build.NVR, build.State, err)
	_, err = none.Get()
	fmt.Println(errors.Is(err, koji.ErrNotFound), err)
	list, err := tags.Get()
	fmt.Println(list[0].Name, err)
	// Output:
	// hello-2.12-1.fc44 COMPLETE <nil>
	// true no build "none-1-1" in Koji
	// f44-updates <nil>
}

// All RPMs of a tag as it was at one moment, without holding them.
func ExampleClient_TaggedRPMs() {
	server, err := exampleHub()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()
	ctx := context.Background()
	client, err := koji.New(server.HubURL, koji.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	snap, err := client.LatestSnapshot(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	for r, err := range snap.TaggedRPMs(ctx, "f44-updates", koji.TaggedRPMOptions{Arches: []string{"x86_64", "noarch"}}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.NEVRA())
	}
	// Output:
	// hello-2.12-1.fc44.x86_64
	// hello-doc-2.12-1.fc44.noarch
}

// A method that this package does not name, read into a type of one's own.
func ExampleClient_Call() {
	server, err := exampleHub()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()
	client, err := koji.New(server.HubURL, koji.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var builds []struct {
		Name    string `koji:"name"`
		Version string `koji:"version"`
	}
	err = client.Call(context.Background(), "untaggedBuilds", []any{koji.Keywords{"name": "hello"}}, &builds)
	fmt.Println(builds, err)
	// Output: [] <nil>
}
