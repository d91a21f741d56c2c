package rpm_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	peer "github.com/cavaliergopher/rpm"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

const (
	// mutationRounds is how many mutants are made of each package for each of
	// the ways in which it is read.
	mutationRounds = 12
	// mutationLimit is what unpacking may take: the window of a decompressor.
	mutationLimit = 300 << 20
	// mutationTime is no measure of speed, it tells a hang.
	mutationTime = 10 * time.Second
)

// TestMutationsAreHarmless changes 1 to 8 bytes of every package of shared
// data, over and over, and reads the mutant in every way there is: no panic, no
// error but the typed ones, no memory beyond the limit, no hang. It runs alone,
// so that what is allocated can be measured. The seed is fixed.
func TestMutationsAreHarmless(t *testing.T) {
	key := newKey(t, packet.PubKeyAlgoEdDSA)
	ring := rpm.NewKeyring(key)
	m := &mutator{t: t, rnd: rand.New(rand.NewPCG(1, 2))}
	for _, s := range samples(t) {
		m.name = filepath.Base(s.path)
		data := readFile(t, s.path)
		data = data[:min(len(data), 192<<10)]
		p, err := rpm.Read(bytes.NewReader(data))
		if err != nil {
			m.each(data, 0, len(data), func(d []byte) { m.read(d) })
			continue
		}
		headers, end := int(p.HeaderEnd), len(data)
		m.each(data, 0, headers, func(d []byte) { m.read(d) })
		m.each(data, 0, end, func(d []byte) { m.verify(d, ring) })
		m.each(data, 0, headers, func(d []byte) { m.splice(data, d) })
		if end > headers {
			m.each(data, headers, end, func(d []byte) { m.payload(d) })
		}
	}
	// Signatures of known keys reach further into the OpenPGP library.
	for _, format := range []int{3, 4, 6} {
		m.name = "signed"
		data := rpmtest.Sign(ofFormat(format), key, rpmtest.SignOptions{Legacy: true})
		for range 20 {
			m.each(data, 96, len(data), func(d []byte) { m.verify(d, ring) })
		}
	}
	t.Logf("%d mutants, %d accepted by the guard, %d of them whole", m.mutants, m.accepted, m.good)
}

type mutator struct {
	t                       *testing.T
	rnd                     *rand.Rand
	name                    string
	mutants, accepted, good int
}

// each makes mutants by changing data between from and to.
func (m *mutator) each(data []byte, from, to int, try func([]byte)) {
	if to <= from {
		return
	}
	rounds := mutationRounds
	if raced || testing.Short() {
		rounds = 3
	}
	for range rounds {
		d := bytes.Clone(data)
		for range 1 + m.rnd.IntN(8) {
			d[from+m.rnd.IntN(to-from)] = byte(m.rnd.Uint32())
		}
		start := time.Now()
		try(d)
		m.mutants++
		if took := time.Since(start); took > mutationTime {
			m.t.Errorf("%s: a mutant took %s", m.name, took)
		}
	}
}

// check fails on an error that is not typed, and on memory beyond the limit.
func (m *mutator) check(what string, err error, got, limit uint64) {
	m.t.Helper()
	if _, ok := errors.AsType[*rpm.FormatError](err); err != nil && !ok {
		m.t.Errorf("%s, %s: %v, want a *FormatError", m.name, what, err)
	}
	if got > limit {
		m.t.Errorf("%s, %s: allocated %d bytes, at most %d are right", m.name, what, got, limit)
	}
}

func (m *mutator) read(data []byte) {
	var p *rpm.Package
	var err error
	got := allocated(func() {
		if p, err = rpm.Read(bytes.NewReader(data)); err == nil {
			walkTables(p)
		}
	})
	m.check("read", err, got, uint64(3*len(data)+1<<20))
	if err != nil {
		return
	}
	m.accepted++
	if p.Name == "" || p.FileCount() != len(slicesOf(p)) {
		m.t.Errorf("%s: name %q, %d files of %d", m.name, p.Name, len(slicesOf(p)), p.FileCount())
	}
	// What the guard lets pass does no harm to the other reader either.
	q, err := peer.Read(p.Headers())
	if err != nil || q.Name() != p.Name || len(q.Header.Tags) == 0 {
		m.t.Errorf("%s: the peer behind the guard: %v", m.name, err)
	}
	_, err = walkPayload(p, bytes.NewReader(data[p.HeaderEnd:]))
	m.check("payload", err, 0, 0)
}

func (m *mutator) verify(data []byte, ring *rpm.Keyring) {
	var v *rpm.Verdict
	var err error
	got := allocated(func() { v, err = rpm.Verify(bytes.NewReader(data), rpm.VerifyOptions{Keyring: ring}) })
	m.check("verify", err, got, uint64(4*len(data)+1<<20))
	if err == nil && v.Err() == nil {
		m.good++
	}
}

func (m *mutator) splice(unsigned, sig []byte) {
	got := allocated(func() {
		err := rpm.Splice(io.Discard, bytes.NewReader(unsigned), bytes.NewReader(sig[96:]))
		m.check("splice", err, 0, 0)
		err = rpm.Splice(io.Discard, bytes.NewReader(sig), bytes.NewReader(unsigned[96:]))
		m.check("splice", err, 0, 0)
	})
	m.check("splice", nil, got, uint64(4*len(sig)+2<<20))
}

func (m *mutator) payload(data []byte) {
	r := bytes.NewReader(data)
	p, err := rpm.Read(r)
	if err != nil {
		m.t.Errorf("%s: %v", m.name, err)
		return
	}
	got := allocated(func() { _, err = walkPayload(p, r) })
	m.check("payload", err, got, mutationLimit)
}

func slicesOf(p *rpm.Package) []rpm.File {
	var list []rpm.File
	for f := range p.Files() {
		list = append(list, f)
	}
	return list
}

// walkPayload reads a payload to its end, or to 1 MiB; walkUpTo to another size.
func walkPayload(p *rpm.Package, r io.Reader) (files int, err error) {
	return walkUpTo(p, r, 1<<20)
}

func walkUpTo(p *rpm.Package, r io.Reader, size int64) (files int, err error) {
	y, err := p.Payload(r, rpm.PayloadOptions{MaxSize: size})
	if err != nil {
		return 0, err
	}
	defer y.Close()
	for {
		_, err := y.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return files, err
		}
		files++
		if _, err := io.Copy(io.Discard, y); err != nil {
			return files, err
		}
	}
}
