package rpm_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"

	peer "github.com/cavaliergopher/rpm"
	"github.com/google/go-cmp/cmp"
	rpmutils "github.com/sassoftware/go-rpmutils"

	"github.com/fedora-respin/respin/repo/rpm"
)

// TestAgreesWithCavaliergopher compares with an independent reader, on files
// that our guard accepted and by accessors of it that do not panic: its Files
// and Supplements do, and an absent epoch reads as 0.
func TestAgreesWithCavaliergopher(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, s := range samples(t) {
		data := readFile(t, s.path)
		p, err := rpm.Read(bytes.NewReader(data))
		if err != nil {
			continue
		}
		q, err := peer.Read(bytes.NewReader(data))
		if err != nil {
			continue // it refuses an empty tag at the end of the data
		}
		compared++
		name := filepath.Base(s.path)
		arch := p.HeaderArch
		start, end := q.HeaderRange()
		for field, pair := range map[string][2]any{
			"name": {p.Name, q.Name()}, "version": {p.EVR.Version, q.Version()}, "release": {p.EVR.Release, q.Release()},
			"epoch": {int(p.EVR.Epoch), q.Epoch()}, "arch": {arch, q.Architecture()},
			"size": {p.InstalledSize, q.Size()}, "archive size": {p.ArchiveSize, q.ArchiveSize()},
			"header start": {p.HeaderStart, int64(start)}, "header end": {p.HeaderEnd, int64(end)},
			"build time": {p.BuildTime, q.BuildTime().Unix()}, "license": {p.License, q.License()},
			"source rpm": {p.SourceRPM, q.SourceRPM()}, "build host": {p.BuildHost, q.BuildHost()},
		} {
			if d := cmp.Diff(pair[1], pair[0]); d != "" {
				t.Errorf("%s, %s: %s", name, field, d)
			}
		}
		for list, pair := range map[string]struct {
			ours   []rpm.Dependency
			theirs []peer.Dependency
		}{
			"requires": {deps(p, rpm.Requires), q.Requires()}, "provides": {deps(p, rpm.Provides), q.Provides()},
			"conflicts": {deps(p, rpm.Conflicts), q.Conflicts()}, "obsoletes": {deps(p, rpm.Obsoletes), q.Obsoletes()},
			"recommends": {deps(p, rpm.Recommends), q.Recommends()}, "enhances": {deps(p, rpm.Enhances), q.Enhances()},
		} {
			if p.Format == 3 && list == "provides" {
				continue // the peer does not add the package's own name
			}
			if len(pair.ours) != len(pair.theirs) {
				t.Errorf("%s, %s: %d, the peer has %d", name, list, len(pair.ours), len(pair.theirs))
				continue
			}
			for i, d := range pair.theirs {
				if pair.ours[i].Name != d.Name() || int(pair.ours[i].Flags) != d.Flags() {
					t.Errorf("%s, %s: %+v, the peer has %v", name, list, pair.ours[i], d)
				}
			}
		}
	}
	if compared < 200 {
		t.Errorf("only %d packages compared", compared)
	}
}

// TestAgreesWithGoRPMUtils compares file tables, and payloads of format 4 file
// by file; it reads no cpio archive of format 6.
func TestAgreesWithGoRPMUtils(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, s := range samples(t) {
		name := filepath.Base(s.path)
		data := readFile(t, s.path)
		if s.facts["digests"] != "ok" || len(data) > 256<<10 || name == "big64-1.0-1.noarch.rpm" {
			continue
		}
		r := bytes.NewReader(data)
		p, err := rpm.Read(r)
		if err != nil || p.Format != 4 || p.PayloadFormat != "cpio" {
			continue
		}
		q, err := rpmutils.ReadRpm(bytes.NewReader(data))
		if err != nil {
			t.Errorf("%s: the peer says %v", name, err)
			continue
		}
		theirs, err := q.Header.GetFiles()
		if err != nil || len(theirs) != p.FileCount() {
			t.Errorf("%s: %d files, the peer has %d, %v", name, p.FileCount(), len(theirs), err)
			continue
		}
		ours := slices.Collect(p.Files())
		for i, f := range theirs {
			o := ours[i]
			if o.Path() != f.Name() || int64(o.Size) != f.Size() || int(o.Mode) != f.Mode() || int(o.Flags) != f.Flags() || o.Digest != f.Digest() || o.Linkto != f.Linkname() || o.User != f.UserName() {
				t.Errorf("%s: %+v, the peer has %+v", name, o, f)
			}
		}
		compared++
		comparePayload(t, name, p, r, q)
	}
	if compared < 150 {
		t.Errorf("only %d packages compared", compared)
	}
}

func comparePayload(t *testing.T, name string, p *rpm.Package, r io.Reader, q *rpmutils.Rpm) {
	t.Helper()
	theirs, err := q.PayloadReaderExtended()
	if err != nil {
		return
	}
	ours, err := p.Payload(r, rpm.PayloadOptions{})
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	defer ours.Close()
	for {
		f, peerErr := theirs.Next()
		e, err := ours.Next()
		if errors.Is(err, io.EOF) && errors.Is(peerErr, io.EOF) {
			return
		}
		if err != nil || peerErr != nil {
			t.Errorf("%s: %v, the peer says %v", name, err, peerErr)
			return
		}
		a, _ := io.ReadAll(ours)
		b, _ := io.ReadAll(theirs)
		if e.File.Path() != f.Name() || !bytes.Equal(a, b) {
			t.Errorf("%s: %s with %d bytes, the peer has %s with %d", name, e.File.Path(), len(a), f.Name(), len(b))
		}
	}
}
