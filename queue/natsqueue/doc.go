// Package natsqueue implements package queue over NATS JetStream: embedded in
// the master's process by default, or an external NATS by its URL.
//
// The master, with a node in the same process and credentials for one on
// another host:
//
//	server, err := natsqueue.Start(natsqueue.Embedded{Dir: dir, Listen: "0.0.0.0:4222"})
//	defer server.Stop()
//	master, err := server.Master(ctx, natsqueue.Options{})
//	defer master.Close()
//	local, err := server.Node(ctx, "local", natsqueue.NodeOptions{})
//	defer local.Close()
//	go local.Run(ctx, config, handler)
//	creds, err := server.NewNodeCredentials("n2")
//	err = creds.WriteFile("n2.json")
//
// The other host:
//
//	creds, err := natsqueue.ReadCredentials("n2.json")
//	node, err := natsqueue.ConnectNode(ctx, creds, natsqueue.NodeOptions{})
//	err = node.Run(ctx, config, handler)
//
// Stop in this order: cancel the nodes' Run and wait, close them, close the
// master, stop the server.
//
// # In JetStream
//
// With the default namespace "queue":
//
//	stream queue_jobs     WorkQueue, queue.jobs.<n|h>.<arch>.<kind>.<id>; one durable
//	                      pull consumer <n|h>~<arch>~<kind> for each capability
//	stream queue_results  queue.results.<id>, at most one message for a subject, which
//	                      the server enforces; not deletable through the API
//	stream queue_events   queue.events.<node>.<id>; a job leaves queue_jobs only after its
//	                      end was told here, so that no crash can part the two
//	KV     queue_index    what was submitted: capability, priority, digest
//	KV     queue_claims   who runs what; renewed every third of a lease time
//	KV     queue_cancels  cancellations asked for
//	KV     queue_nodes    info.<node>, drain.<node>, config
//	core   queue.ctl.*    wake, cancel, drain: hints to nodes that save them polling;
//	                      whatever is lost is found again in the KV buckets
//
// Ages are judged by the server's time stamps alone, so the clocks of nodes do
// not matter.
//
// # Trust
//
// A TCP client must present a node's key. Its permissions let it take jobs of
// the capabilities it was given, claim, report under its own name, and record
// results; it cannot submit, cancel, delete, administer, or read another
// node's inbox. Among themselves nodes are trusted: one that lies can claim or
// finish the jobs of another (but never change a recorded result).
package natsqueue
