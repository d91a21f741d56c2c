package natsqueue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/nats-io/nkeys"

	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/queue"
)

// Credentials are what a node on another host needs to join. They hold a
// secret; String and Format leave it out.
type Credentials struct {
	Node string `json:"node"`
	URL  string `json:"url"`
	// Seed is the node's secret nkey (SU...). Leave it empty with CredsFile.
	Seed string `json:"nkey_seed,omitempty"`
	// CredsFile is a NATS .creds file, for an external NATS that uses JWTs.
	CredsFile string `json:"creds_file,omitempty"`
	// Namespace is the master's Options.Namespace. Default "queue".
	Namespace string `json:"namespace,omitempty"`
	// CA holds the PEM certificates that sign the server's, when the host does
	// not know them.
	CA string `json:"ca,omitempty"`
}

const maxCredentials = 256 << 10

// String names the node and the URL only.
func (c Credentials) String() string {
	return fmt.Sprintf("credentials of node %s for %s", c.Node, c.URL)
}

// GoString is String.
func (c Credentials) GoString() string { return c.String() }

// Validate names every bad field, joined; each is a *queue.FieldError.
func (c Credentials) Validate() error {
	errs := []error{}
	if err := queue.ValidateNodeID(c.Node); err != nil {
		errs = append(errs, &queue.FieldError{Field: "node", Reason: strings.TrimPrefix(err.Error(), "id ")})
	}
	if c.URL == "" {
		errs = append(errs, &queue.FieldError{Field: "url", Reason: "must not be empty"})
	}
	if c.CredsFile == "" {
		if key, err := nkeys.FromSeed([]byte(c.Seed)); err != nil {
			errs = append(errs, &queue.FieldError{Field: "nkey_seed", Reason: "must be a user's nkey seed (SU...)"})
		} else {
			key.Wipe()
		}
	}
	if _, err := newNames(c.Namespace); err != nil {
		errs = append(errs, &queue.FieldError{Field: "namespace", Reason: err.Error()})
	}
	return errors.Join(errs...)
}

// WriteFile writes the credentials as JSON, readable by the owner only.
func (c Credentials) WriteFile(path string) error {
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	if err := atomicfile.Write(path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return nil
}

// ReadCredentials reads what WriteFile wrote. It refuses a file that others
// can read.
func ReadCredentials(path string) (Credentials, error) {
	f, err := os.Open(path)
	if err != nil {
		return Credentials{}, fmt.Errorf("read credentials: %w", err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	if info, err := f.Stat(); err != nil {
		return Credentials{}, fmt.Errorf("read credentials: %w", err)
	} else if info.Mode().Perm()&0o077 != 0 {
		return Credentials{}, fmt.Errorf("read credentials %s: mode %#o lets others read the secret: chmod 600 it",
			path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxCredentials+1))
	if err != nil {
		return Credentials{}, fmt.Errorf("read credentials %s: %w", path, err)
	}
	c, err := ParseCredentials(data)
	if err != nil {
		return Credentials{}, fmt.Errorf("read credentials %s: %w", path, err)
	}
	return c, nil
}

// ParseCredentials parses the JSON of a credentials file, strictly.
func ParseCredentials(data []byte) (Credentials, error) {
	if len(data) > maxCredentials {
		return Credentials{}, fmt.Errorf("larger than %d bytes", maxCredentials)
	}
	var c Credentials
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Credentials{}, fmt.Errorf("not a credentials file: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Credentials{}, errors.New("not a credentials file: something follows the object")
	}
	return c, c.Validate()
}
