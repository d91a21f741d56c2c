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
// Every call is anonymous, takes a context, is bounded in time, size and depth,
// and, if it only reads, is repeated on a passing failure. A Client has no
// lock: calls of many goroutines run side by side.
//
// What a hub may answer with nil is a pointer here, so that epoch 0 and no
// epoch stay apart. Times come from the hub's *_ts members and are in UTC.
// Methods that have no Go method of their own are reached through Call.
//
// Shapes, codes and paths are those of Koji 1.35 (kojihub/kojihub.py,
// koji/__init__.py), read leniently enough for older hubs. The package
// kojitest serves the same answers from memory.
package koji
