package rpm

import (
	"errors"
	"io"
)

// Read is the package function Read with bounds of one's own.
func (o Options) Read(r io.Reader) (*Package, error) {
	return nil, errors.New("not yet")
}

// Open reads the RPM at path and sets FileSize.
func Open(path string) (*Package, error) { return Options{}.Open(path) }

// Open is the package function Open with bounds of one's own.
func (o Options) Open(path string) (*Package, error) {
	return nil, errors.New("not yet")
}
