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
// Tags, packages of tags, targets, side tags, external repositories, builds
// with RPMs, archives and logs, tasks with output, repositories and users are
// added by Go calls; records and files follow from the RPM files where they are
// given. Clients may log in by password, by GSSAPI where Negotiate says whose
// token it is, or by a certificate that the server around the hub has verified.
//
// Things go wrong on demand: Fail and FailFiles switch on faults, the hub's
// outage, HTTP errors, latency and broken connections, for all requests, the
// next few or those of one method; ExpireSessions ends logins; CorruptFile,
// AlterFile and RemoveFile change single files.
//
// Time is the hub's own: it starts at StartTime and every change is one second
// later, so that answers are the same in every run. SetTime moves it.
//
// The hub has none of Koji's policy beyond logins and permissions: Go code is
// allowed everything. It answers what the package koji asks and what koji's own
// command line needs to look around and to download; every other method is a
// fault "Invalid method". It has no hosts, build roots and groups.
package kojitest
