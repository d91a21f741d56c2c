package koji

import (
	"context"
	"time"
)

// RPMHeaders are header fields of an RPM by the names they were asked for:
// string, int64, []byte, []any of these, or nil where the RPM has no such
// field. Parallel arrays such as requirename, requireversion and requireflags
// belong together by index.
type RPMHeaders map[string]any

// Text returns a field that is one string, or "".
func (h RPMHeaders) Text(name string) string {
	s, _ := h[name].(string)
	return s
}

// Texts returns a field that is a list of strings, or nil.
func (h RPMHeaders) Texts(name string) []string { return elements[string](h[name]) }

// Number returns a field that is one number, and whether it is there: no epoch
// and epoch 0 differ.
func (h RPMHeaders) Number(name string) (int64, bool) {
	n, ok := h[name].(int64)
	return n, ok
}

// Numbers returns a field that is a list of numbers, or nil.
func (h RPMHeaders) Numbers(name string) []int64 { return elements[int64](h[name]) }

// Bytes returns a binary field such as sigmd5, or nil.
func (h RPMHeaders) Bytes(name string) []byte {
	b, _ := h[name].([]byte)
	return b
}

func elements[T any](v any) []T {
	list, ok := v.([]any)
	if !ok {
		return nil
	}
	out := make([]T, 0, len(list))
	for _, item := range list {
		if t, ok := item.(T); ok {
			out = append(out, t)
		}
	}
	return out
}

func getRPMHeaders(ref RPMRef, headers []string) spec[RPMHeaders] {
	return value[RPMHeaders]("getRPMHeaders", ref.arg()).with(keywords{}.texts("headers", headers)).of("RPM", ref.String())
}

// GetRPMHeaders returns header fields of an RPM, named as rpm's tags in any
// case, or all of them, which is long. An RPM that does not exist, or whose
// file is gone, has none.
func (c *Client) GetRPMHeaders(ctx context.Context, ref RPMRef, headers ...string) (RPMHeaders, error) {
	return call(ctx, c, getRPMHeaders(ref, headers))
}

// GetRPMHeaders adds Client.GetRPMHeaders.
func (b *Batch) GetRPMHeaders(ref RPMRef, headers ...string) *Pending[RPMHeaders] {
	return add(b, getRPMHeaders(ref, headers))
}

func getTaskRPMHeaders(id int, file string, headers []string) spec[RPMHeaders] {
	k := keywords{}.text("filepath", file).texts("headers", headers)
	k["taskID"] = id
	return value[RPMHeaders]("getRPMHeaders").with(k)
}

// GetTaskRPMHeaders returns header fields of an RPM among the output of a task,
// the file being named as in ListTaskOutput. A file that is not there has none.
func (c *Client) GetTaskRPMHeaders(ctx context.Context, id int, file string, headers ...string) (RPMHeaders, error) {
	return call(ctx, c, getTaskRPMHeaders(id, file, headers))
}

// GetTaskRPMHeaders adds Client.GetTaskRPMHeaders.
func (b *Batch) GetTaskRPMHeaders(id int, file string, headers ...string) *Pending[RPMHeaders] {
	return add(b, getTaskRPMHeaders(id, file, headers))
}

// Dependency is a dependency of an RPM.
type Dependency struct {
	Type    DepType `koji:"type"`
	Name    string  `koji:"name"`
	Version string  `koji:"version"` // epoch:version-release, "" for any
	Flags   int64   `koji:"flags"`   // rpm's RPMSENSE bits: 2 less, 4 greater, 8 equal, ...
}

// Sense returns the comparison in Flags, such as ">=", or "".
func (d *Dependency) Sense() string {
	return [...]string{"", "<", ">", "<>", "=", "<=", ">=", "<=>"}[d.Flags>>1&7]
}

// DepOptions selects dependencies.
type DepOptions struct {
	Type *DepType // nil is all: new(koji.DepProvide)
	Page Page
}

func getRPMDeps(ref RPMRef, o DepOptions) spec[[]Dependency] {
	k := keywords{}.page(o.Page)
	if o.Type != nil {
		k["depType"] = int(*o.Type)
	}
	return value[[]Dependency]("getRPMDeps", ref.arg()).with(k)
}

// GetRPMDeps returns the dependencies of an RPM. An RPM that does not exist,
// or whose file is gone, has none.
func (c *Client) GetRPMDeps(ctx context.Context, ref RPMRef, o DepOptions) ([]Dependency, error) {
	return call(ctx, c, getRPMDeps(ref, o))
}

// GetRPMDeps adds Client.GetRPMDeps.
func (b *Batch) GetRPMDeps(ref RPMRef, o DepOptions) *Pending[[]Dependency] {
	return add(b, getRPMDeps(ref, o))
}

// RPMFile is a file inside an RPM.
type RPMFile struct {
	Name       string    `koji:"name"`        // absolute path
	Digest     string    `koji:"digest,md5"`  // hex, "" for what has no content
	DigestAlgo string    `koji:"digest_algo"` // such as sha256
	Size       int64     `koji:"size"`
	Flags      int64     `koji:"flags"` // rpm's RPMFILE bits: 1 config, 2 doc, ...
	User       string    `koji:"user"`
	Group      string    `koji:"group"`
	ModTime    time.Time `koji:"mtime"`
	Mode       int64     `koji:"mode"` // of Unix, type included
}

func listRPMFiles(ref RPMRef, p Page) spec[[]RPMFile] {
	return value[[]RPMFile]("listRPMFiles", ref.arg()).with(keywords{}.page(p))
}

// ListRPMFiles returns the files inside an RPM. An RPM that does not exist, or
// whose file is gone, has none.
func (c *Client) ListRPMFiles(ctx context.Context, ref RPMRef, p Page) ([]RPMFile, error) {
	return call(ctx, c, listRPMFiles(ref, p))
}

// ListRPMFiles adds Client.ListRPMFiles.
func (b *Batch) ListRPMFiles(ref RPMRef, p Page) *Pending[[]RPMFile] {
	return add(b, listRPMFiles(ref, p))
}
