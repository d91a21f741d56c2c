// Package queue hands durable jobs to build nodes and brings back exactly one
// result for each: leases with heartbeats, attempts, cancellation, progress and
// log streams. It knows a job only as Kind, Arch and a JSON payload.
//
// The master submits jobs and reads events; a node runs a Worker. Both are
// interfaces: an adapter (queue/natsqueue) implements them over an existing
// engine, and every adapter passes the suite in queue/queuetest.
//
// The master's side:
//
//	err := master.Submit(ctx, queue.Job{ID: "c1", Kind: "dvd", Arch: "x86_64", Payload: plan})
//	for event, err := range master.Events(ctx, lastSeq) {
//		if err != nil {
//			return err
//		}
//		record(event) // event.Seq is what to pass as lastSeq after a restart
//	}
//
// The node's side:
//
//	err := worker.Run(ctx, queue.NodeConfig{ID: "n1", Offers: offers}, queue.Handler{
//		Handle: func(ctx context.Context, l queue.Lease) error {
//			files, err := build(ctx, l.Job().Payload, l) // l is an io.Writer for the log
//			if err != nil {
//				return err // recorded as failed
//			}
//			_, err = l.Finish(ctx, queue.Result{Outcome: queue.Succeeded, Data: files})
//			return err
//		},
//		Finalize: publish, // idempotent; runs only for the one recorded result
//	})
//
// # How a job is published once
//
// Delivery is at least once: a node can die at any moment, and then the job is
// delivered again. Three things make the outcome happen once.
//
// Claim: before a handler starts, its node claims the job by compare-and-set
// and renews the claim with every heartbeat. A job delivered again while its
// claim is fresh is put back. A node takes over a claim only after it was itself
// connected for a whole lease time without seeing the claim renewed, so a node
// that idles through a restart of the master does not steal the work of one that
// was building all along.
//
// Finish: the result is recorded by compare-and-set, and the engine itself
// refuses a second one. Whoever loses discards its work. Nothing may be
// published before Finish was won: until then work belongs in a staging place.
//
// Finalize: after the result is recorded and before the job leaves the queue,
// Worker calls Handler.Finalize, which makes the staged work visible (a rename).
// If the node dies in between, the job is delivered again, its result is found,
// and Finalize is called again, on that node or another one. Finalize must
// therefore be idempotent and depend only on the Job and the Result. The job
// leaves the queue when Finalize returned nil, and TypeFinalized tells the
// master so.
package queue
