// Package queuetest checks that an adapter keeps the contract of package queue.
// An adapter's own test opens its engine and calls Run:
//
//	func TestConformance(t *testing.T) {
//		queuetest.Run(t, func(t *testing.T) queuetest.Engine { return newEngine(t) })
//	}
//
// The suite kills connections and restarts the engine; it uses short leases
// (1 to 3 seconds are good) and takes about twenty of them.
package queuetest

import (
	"testing"
	"time"

	"github.com/fedora-respin/respin/queue"
)

// Engine is one running engine with its master, over storage of its own. Its
// methods end the test when they fail, and clean up by t.Cleanup.
type Engine interface {
	// Master returns the present master. After Restart it is another one.
	Master() queue.Master
	// Worker connects a node. Asked for an ID again, it connects a second process
	// of that node.
	Worker(t *testing.T, id string) queue.Worker
	// Cut breaks the connection of every worker of that ID for good and without a
	// word, as the death of its host would.
	Cut(id string)
	// Restart stops master and engine, leaves them down for that long and starts
	// them again over the same storage, reachable as before.
	Restart(t *testing.T, down time.Duration)
	// Lease is the lease time in use.
	Lease() time.Duration
}

// Run runs the suite. open is called once for every test, in parallel.
func Run(t *testing.T, open func(t *testing.T) Engine) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(s *suite)
	}{
		{"a job runs once and is finalized", testRunsOnce},
		{"a bad job is refused by field", testBadJob},
		{"what a handler returns is recorded", testImplicitResult},
		{"high priority starts first", testPriorities},
		{"jobs go to nodes that offer the capability", testRouting},
		{"a waiting job can be canceled", testCancelWaiting},
		{"a running job can be canceled", testCancelRunning},
		{"a job on a dead node can be canceled", testCancelDeadNode},
		{"a dead node's job goes to another node", testLostNode},
		{"too many dead nodes end a job as lost", testMaxAttempts},
		{"the master ends a job as lost without a node", testLostWithoutNode},
		{"a node that shuts down hands its job back", testHandBack},
		{"a restart of the master loses nothing", testRestart},
		{"an idle node does not steal after a restart", testNoSteal},
		{"finalize is tried again", testFinalizeAgain},
		{"finalize happens on another node after a death", testFinalizeElsewhere},
		{"events resume without loss", testEventsResume},
		{"a node that is told to stop at once stops", testStopAtOnce},
		{"a draining node takes nothing", testDrain},
		{"a chatty tool is bounded", testLogFlood},
		{"a second process of a node replaces the first", testReplaced},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(newSuite(t, open(t)))
		})
	}
}
