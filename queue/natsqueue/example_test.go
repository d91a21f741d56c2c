package natsqueue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/fedora-respin/respin/queue"
	"github.com/fedora-respin/respin/queue/natsqueue"
)

// A master and a node in one process, one job from Submit to Finalize.
func Example() {
	dir, err := os.MkdirTemp("", "queue-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	server, err := natsqueue.Start(natsqueue.Embedded{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Stop()
	master, err := server.Master(ctx, natsqueue.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer master.Close()
	node, err := server.Node(ctx, "local", natsqueue.NodeOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer node.Close()

	config := queue.NodeConfig{Offers: []queue.Capability{{Kind: "greeting", Arch: "x86_64"}}}
	done := make(chan error, 1)
	go func() {
		done <- node.Run(ctx, config, queue.Handler{
			Handle: func(ctx context.Context, l queue.Lease) error {
				l.Progress("write", 50, "halfway")
				_, err := l.Finish(ctx, queue.Result{Outcome: queue.Succeeded, Data: json.RawMessage(`"hello"`)})
				return err
			},
			Finalize: func(_ context.Context, _ queue.Job, r queue.Result) error {
				fmt.Println("publish", string(r.Data))
				return nil
			},
		})
	}()
	if err := master.Submit(ctx, queue.Job{ID: "g1", Kind: "greeting", Arch: "x86_64"}); err != nil {
		fmt.Println(err)
		return
	}
	for event, err := range master.Events(ctx, 0) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.Type + ":" + event.Stage)
		if event.Type == queue.TypeFinalized {
			break
		}
	}
	cancel()
	fmt.Println("node stopped:", <-done)
	// Unordered output:
	// started:
	// stage:write
	// finished:
	// publish "hello"
	// finalized:
	// node stopped: <nil>
}
