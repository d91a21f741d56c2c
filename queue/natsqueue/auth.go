package natsqueue

import (
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
)

// authOptions are those of a TCP connection.
func authOptions(credsFile string, seed []byte, ca string) ([]nats.Option, error) {
	var opts []nats.Option
	if credsFile != "" {
		opts = append(opts, nats.UserCredentials(credsFile))
	}
	if len(seed) > 0 {
		key, err := nkeys.FromSeed(seed)
		if err != nil {
			return nil, fmt.Errorf("read nkey seed: %w", err)
		}
		o, err := nkeyOption(key)
		if err != nil {
			return nil, err
		}
		opts = append(opts, o)
	}
	if ca != "" {
		o, err := caOption(ca)
		if err != nil {
			return nil, err
		}
		opts = append(opts, o)
	}
	return opts, nil
}
