package cli_test

import (
	"context"
	"fmt"
	"os"

	"github.com/fedora-respin/respin/daemon/cli"
)

// A command line is run in process; its exit code is the result.
func ExampleMain() {
	code := cli.Main(context.Background(), cli.Env{
		Args:   []string{"rpm", "vercmp", "1.0~rc1", "1.0"},
		Stdout: os.Stdout,
	})
	fmt.Println(code == cli.ExitOK)
	// Output:
	// 1.0~rc1 < 1.0
	// true
}
