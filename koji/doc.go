// Package koji is a typed, context-aware client of a Koji hub, the build system
// of Fedora (https://koji.fedoraproject.org). It answers where a build's RPMs
// are and what they must look like once they have been fetched:
//
//	client, err := koji.New(koji.DefaultHubURL, koji.Options{})
//	if err != nil {
//		return err
//	}
//	build, err := client.GetBuild(ctx, koji.NVR("anaconda-44.12-1.fc44"))
//	switch {
//	case errors.Is(err, koji.ErrNotFound): // no such build
//	case errors.Is(err, koji.ErrUnreachable): // try again later
//	case err != nil:
//		return err
//	}
//	rpms, err := client.ListRPMs(ctx, build.ID, "x86_64", "noarch")
//	for _, r := range rpms {
//		fmt.Println(client.Paths().RPM(build, &r), r.Size, r.PayloadHash)
//	}
//
// Many questions travel in one request, each with its own answer or error:
//
//	batch := client.Batch()
//	var lists []*koji.Pending[[]koji.RPM]
//	for _, b := range builds {
//		lists = append(lists, batch.ListRPMs(b.ID, "x86_64", "noarch"))
//	}
//	if err := batch.Do(ctx); err != nil { // the request itself failed
//		return err
//	}
//	rpms, err := lists[0].Get()
//
// Questions about tags that belong together are pinned to an event of the hub:
//
//	snap, err := client.LatestSnapshot(ctx)
//	builds, err := snap.ListTagged(ctx, "f44-updates", koji.TaggedOptions{Latest: true})
//	config, err := snap.GetBuildConfig(ctx, "f44-build")
//
// Long answers are iterated over, one row being held at a time:
//
//	for r, err := range snap.TaggedRPMs(ctx, "f44-updates", koji.TaggedRPMOptions{Arches: []string{"x86_64"}}) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(r.NEVRA())
//	}
//
// Every call takes a context, is bounded in time, size and depth, and, if it
// only reads, is repeated on a passing failure. Calls of many goroutines run
// side by side. All that reads is anonymous; Options.Login makes a client that
// of a user.
//
// # How the methods are made
//
// A method is named like the hub's: getBuild is GetBuild, listTaggedRPMS is
// ListTaggedRPMs, repo.get is RepoGet. What the hub requires is positional;
// what it does not is a field of an options struct whose zero value is the
// hub's default, and is sent only if it is set. Where the hub takes a name or a
// number, BuildRef and RPMRef do; tags, packages, users and targets are named.
// One hub method with two uses is two here (GetRPMHeaders and
// GetTaskRPMHeaders, ListRPMs and FindRPMs). Every method of Client is one of
// Batch. Methods that have no Go method are reached through Client.Call,
// BatchCall, Iterate, Client.Count and Filter.
//
// A single thing that is not there is a *NotFoundError, as is a list of
// something that is not there where the hub says so. Other refusals are a
// *Fault, to be told apart by errors.Is and the classes of the hub's codes.
//
// What a hub may answer with nil is a pointer here, so that epoch 0 and no
// epoch stay apart. Times come from the hub's *_ts members where there are any
// and are in UTC. Enumerations keep values that they do not know. What is free
// form stays as it came (Extra, Request), with methods for what is common.
//
// Shapes, codes and paths are those of Koji 1.35 (kojihub/kojihub.py,
// koji/__init__.py), read leniently enough for older hubs. The package
// kojitest serves the same answers from memory.
package koji
