// Command gentables turns the option tables that were read out of the real
// pykickstart parsers (one JSON object per version, see Generate) into the
// compact Go data of package kickstart.
//
//	go run ./internal/gentables -in ks-options.json -add additions.json -out tables_gen.go
//
// additions.json holds the commands that Fedora 45 got after pykickstart 3.74
// was read (3.78: stratispool and stratisfs).
package main

import (
	"flag"
	"fmt"
	"os"

	"github.com/fedora-respin/respin/internal/atomicfile"
)

func main() {
	in := flag.String("in", "", "ks-options.json to read")
	add := flag.String("add", "", "commands to put in, in the same form")
	out := flag.String("out", "tables_gen.go", "Go file to write")
	flag.Parse()
	if err := run(*in, *add, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gentables:", err)
		os.Exit(1) //nolint:forbidigo // this is a main function
	}
}

func run(in, add, out string) error {
	src, err := os.ReadFile(in)
	if err != nil {
		return fmt.Errorf("read option tables: %w", err)
	}
	additions, err := os.ReadFile(add)
	if err != nil {
		return fmt.Errorf("read additions: %w", err)
	}
	code, err := generate(src, additions)
	if err != nil {
		return err
	}
	return atomicfile.Write(out, code, 0o644)
}
