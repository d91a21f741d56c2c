// Package kojitest is a Koji hub in memory, for tests of programs that talk to
// one: a http.Handler that speaks the hub's XML-RPC and serves its file tree.
// What it answers has the shape, the order and the bytes of a real 1.35 hub.
//
//	hub := kojitest.NewHub()
//	hub.AddTag(kojitest.Tag{Name: "f44-updates-candidate", Arches: []string{"x86_64"}})
//	_, err := hub.AddBuild(kojitest.Build{
//		NVR:  "hello-2.12-1.fc44",
//		Tags: []string{"f44-updates-candidate"},
//		RPMs: []kojitest.RPM{{Path: "hello-2.12-1.fc44.x86_64.rpm"}},
//	})
//	server, err := hub.Start("127.0.0.1:0")
//	defer server.Close()
//	client, err := koji.New(server.HubURL, koji.Options{TopURL: server.TopURL})
//
// Things go wrong on demand: Fail and FailFiles switch on the hub's outage,
// HTTP errors, latency and broken connections, for all requests or the next
// few; CorruptFile, AlterFile and RemoveFile change single files.
//
// Time is the hub's own: it starts at StartTime and every change is one second
// later, so that answers are the same in every run.
//
// The hub holds no locks of Koji's policy: whoever adds something is allowed to.
// It answers what the package koji asks and what koji's own command line needs
// for listing and downloading; every other method is a fault "Invalid method".
package kojitest
