package kickstart_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/fedora-respin/respin/kickstart"
)

// asPykickstart words a ParseError as pykickstart does, after "The following
// problem occurred on".
func asPykickstart(t *testing.T, err error) string {
	t.Helper()
	var pe *kickstart.ParseError
	if !errors.As(err, &pe) {
		t.Fatalf("%v is no *ParseError", err)
	}
	return fmt.Sprintf("line %d of the kickstart file:  %s", pe.Line, pe.Msg)
}
