package rpm

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/fedora-respin/respin/internal/limitio"
)

// maxKeyring bounds what ReadKeyring reads; distribution keyrings are a few KiB.
const maxKeyring = 8 << 20

// Keyring holds the public keys that signatures are checked against. It is
// safe for concurrent use.
type Keyring struct{ entities openpgp.EntityList }

// ReadKeyring reads OpenPGP public keys: binary, or armored in one or several
// blocks, as in /etc/pki/rpm-gpg.
func ReadKeyring(r io.Reader) (*Keyring, error) {
	data, err := limitio.ReadAll(r, maxKeyring, "keyring")
	if err != nil {
		return nil, fmt.Errorf("read keyring: %w", err)
	}
	k := &Keyring{}
	if !bytes.Contains(data, []byte("-----BEGIN PGP")) {
		if k.entities, err = openpgp.ReadKeyRing(bytes.NewReader(data)); err != nil {
			return nil, fmt.Errorf("read keyring: %w", err)
		}
		return k, nil
	}
	in := bufio.NewReader(bytes.NewReader(data))
	for {
		block, err := armor.Decode(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read keyring: %w", err)
		}
		if block.Type != openpgp.PublicKeyType {
			return nil, fmt.Errorf("read keyring: a block is a %q, not a public key", block.Type)
		}
		keys, err := openpgp.ReadKeyRing(block.Body)
		if err != nil {
			return nil, fmt.Errorf("read keyring: %w", err)
		}
		k.entities = append(k.entities, keys...)
	}
	return k, nil
}

// NewKeyring makes a keyring of keys at hand.
func NewKeyring(keys ...*openpgp.Entity) *Keyring { return &Keyring{entities: keys} }

// Merge makes one keyring of several.
func Merge(rings ...*Keyring) *Keyring {
	all := &Keyring{}
	for _, k := range rings {
		if k != nil {
			all.entities = append(all.entities, k.entities...)
		}
	}
	return all
}

// Len is the number of primary keys.
func (k *Keyring) Len() int {
	if k == nil {
		return 0
	}
	return len(k.entities)
}

// find returns the keys, primary or sub, with an id of 16 hexadecimal digits.
func (k *Keyring) find(id string) []openpgp.Key {
	n, err := strconv.ParseUint(id, 16, 64)
	if k == nil || err != nil {
		return nil
	}
	return k.entities.KeysById(n)
}

// Has tells whether a key, primary or sub, has the id: 16 hexadecimal digits,
// or the last 8 of them, as Koji names keys.
func (k *Keyring) Has(id string) bool {
	if k == nil || len(id) < 8 {
		return false
	}
	id = strings.ToLower(id)
	has := func(key *packet.PublicKey) bool {
		return key != nil && strings.HasSuffix(fmt.Sprintf("%016x", key.KeyId), id)
	}
	for _, e := range k.entities {
		if has(e.PrimaryKey) {
			return true
		}
		for i := range e.Subkeys {
			if has(e.Subkeys[i].PublicKey) {
				return true
			}
		}
	}
	return false
}
