package runner_test

import (
	"bytes"
	"context"
	"fmt"

	"github.com/fedora-respin/respin/compose/runner"
	"github.com/fedora-respin/respin/internal/proc"
)

func ExampleHost() {
	h := &runner.Host{} // with Cgroup: runner.FindCgroup(node), where there is one
	var out bytes.Buffer
	err := h.Run(context.Background(), proc.Cmd{Name: "echo", Args: []string{"$HOME", "is no variable here"}, Stdout: &out})
	fmt.Printf("%v %s", err, out.String())
	left, err := runner.Clean(context.Background(), runner.Owned{Work: "/nonexistent/work", Cgroup: h.Cgroup})
	fmt.Println(left, err)
	// Output:
	// <nil> $HOME is no variable here
	// [] <nil>
}
