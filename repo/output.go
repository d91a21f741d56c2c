package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// output is a metadata file that the new repomd.xml will name: one in the
// making, or, without file, one that stands already.
type output struct {
	data Data // Timestamp is that of the file if it stands
	file *mdFile
}

// oldRepomd is the repomd.xml that is published now.
type oldRepomd struct {
	*Repomd
	text []byte
}

// maxRepomd bounds repomd.xml in bytes.
const maxRepomd = 16 << 20

// readOld returns the repomd.xml that is about to be replaced; nil when there
// is none that can be read, and then no old file is ever removed.
func (c *creator) readOld() *oldRepomd {
	path := filepath.Join(c.repodata, "repomd.xml")
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() || st.Size() > maxRepomd {
		return nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	md, err := ReadRepomd(strings.NewReader(string(text)))
	if err != nil {
		c.warn("repomd.xml was not readable; the metadata files beside it stay: %v", err)
		return nil
	}
	return &oldRepomd{Repomd: md, text: text}
}

// warn adds a sentence to the report.
func (c *creator) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.report.Warnings = append(c.report.Warnings, text)
	c.opts.Logger.Warn(text)
}

// standing returns the core files of the last run when they are what this one
// would write: every package reused, none gone, the same names and compression.
// Their content was verified when they were opened.
func (c *creator) standing() ([]output, bool) {
	if c.reuse == nil || !c.reuse.all || c.old == nil || c.reuse.cache.recipe != c.opts.Compression.recipe() {
		return nil, false
	}
	var outs []output
	for i, core := range coreFiles() {
		want := c.reuse.cache.files[i].data(core, c.opts)
		d := c.old.Find(core.kind)
		if d == nil || !sameFile(d, &want) || d.Href != hrefPrefix+c.reuse.cache.files[i].name {
			return nil, false
		}
		outs = append(outs, output{data: *d})
	}
	return outs, true
}

// data is the record of a core file as this run would write it.
func (f *publishedFile) data(core coreFile, o *Options) Data {
	d := Data{Type: core.kind, Checksum: Checksum{Type: o.Checksum, Value: f.sum}, Size: f.size}
	if o.Compression != None {
		d.OpenChecksum, d.OpenSize = Checksum{Type: o.Checksum, Value: f.openSum}, f.openSize
	}
	d.Href = hrefPrefix + fileName(core.name+o.Compression.suffix(), d.Checksum, o.SimpleFilenames)
	return d
}

// sameFile compares two records of a metadata file but for its time.
func sameFile(a, b *Data) bool {
	x := *a
	x.Timestamp = b.Timestamp
	return x == *b
}

// keepStanding replaces outputs that are published already, byte for byte, by
// what is published: their time and file stay.
func (c *creator) keepStanding(ctx context.Context, outs []output) {
	if !c.opts.Update || c.old == nil {
		return
	}
	for i := range outs {
		o := &outs[i]
		if o.file == nil {
			continue
		}
		d := c.old.Find(o.data.Type)
		if d != nil && sameFile(d, &o.data) && c.verify(ctx, d) == nil {
			o.file.abort()
			*o = output{data: *d}
		}
	}
}

// verify tells whether a published metadata file is what its record says.
func (c *creator) verify(ctx context.Context, d *Data) error {
	if d.Base != "" {
		return nil // it lives elsewhere
	}
	if !filepath.IsLocal(filepath.FromSlash(d.Href)) || strings.Contains(d.Href, `\`) {
		return &FormatError{File: "repomd.xml", Reason: "location " + d.Href + " leads out of the repository"}
	}
	root, name := c.opts.OutputDir, d.Href
	if rest, ok := strings.CutPrefix(name, hrefPrefix); ok {
		root, name = c.repodata, rest // which may be a link to elsewhere
	}
	f, err := os.OpenInRoot(root, filepath.FromSlash(name))
	if err != nil {
		return fmt.Errorf("open %s: %w", d.Href, err)
	}
	defer f.Close() //nolint:errcheck // opened for reading
	return verifyFile(ctx, f, d.Size, d.Checksum)
}

// carried returns the further metadata of the old repomd.xml that this run says
// nothing about: with Update they stay, as with createrepo_c.
func (c *creator) carried(ctx context.Context, given []output) ([]output, error) {
	if !c.opts.Update || c.opts.DiscardExtra || c.old == nil {
		return nil, nil
	}
	var outs []output
	for _, d := range c.old.Data {
		family := family(d.Type)
		if isCoreType(family) || slices.ContainsFunc(given, func(o output) bool { return familyOf(o) == family }) {
			continue
		}
		err := c.verify(ctx, &d)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			c.warn("the %s metadata of the last run are not kept: %v", d.Type, err)
			continue
		}
		outs = append(outs, output{data: d})
	}
	return outs, nil
}

// family drops what tells a variant of metadata from the plain ones: the
// databases and zchunk files of other writers, group_gz.
func family(kind string) string {
	for _, suffix := range []string{"_db", "_zck", "_gz", "_xz", "_bz2", "_zst", "_zstd"} {
		kind = strings.TrimSuffix(kind, suffix)
	}
	if kind == "filelists-ext" {
		return "filelists"
	}
	return kind
}

func familyOf(o output) string { return family(o.data.Type) }

// trailer describes the core files for the side cache.
func (c *creator) trailer(outs []output) *trailer {
	t := &trailer{fingerprint: c.opts.fingerprint(), recipe: c.opts.Compression.recipe()}
	for i := range t.files {
		d := &outs[i].data
		t.files[i] = publishedFile{
			name: strings.TrimPrefix(d.Href, hrefPrefix), sum: d.Checksum.Value, openSum: d.OpenChecksum.Value,
			size: d.Size, openSize: d.OpenSize,
		}
		if d.OpenChecksum.IsZero() {
			t.files[i].openSize = d.Size
		}
	}
	return t
}

// errTwice says that two metadata files would have one name.
var errTwice = errors.New("two metadata files have the same name")

// checkNames makes sure that no output would overwrite another one.
func checkNames(outs []output) error {
	seen := map[string]string{hrefPrefix + "repomd.xml": "repomd.xml"}
	for _, o := range outs {
		if other, ok := seen[o.data.Href]; ok && (o.data.Base == "") {
			return fmt.Errorf("publish %s: %w: %s and %s", o.data.Href, errTwice, other, o.data.Type)
		}
		seen[o.data.Href] = o.data.Type
	}
	return nil
}
