package kojitest_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/koji/kojitest"
)

// A hub that is away for one request.
func ExampleHub_Fail() {
	hub := kojitest.NewHub()
	server, err := hub.Start("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()
	client, err := koji.New(server.HubURL, koji.Options{TopURL: server.TopURL})
	if err != nil {
		fmt.Println(err)
		return
	}
	hub.Fail(kojitest.Failures{Offline: "planned outage", Times: 1})
	_, err = client.GetKojiVersion(context.Background())
	fmt.Println(errors.Is(err, koji.ErrServerOffline), err)
	version, err := client.GetKojiVersion(context.Background())
	fmt.Println(version, err)
	// Output:
	// true call koji getKojiVersion: ServerOffline: planned outage
	// 1.35.3 <nil>
}
