package koji

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

func getAPIVersion() spec[int] { return value[int]("getAPIVersion") }

// GetAPIVersion returns the version of the hub's interface, 1 for years.
func (c *Client) GetAPIVersion(ctx context.Context) (int, error) {
	return call(ctx, c, getAPIVersion())
}

// GetAPIVersion adds Client.GetAPIVersion.
func (b *Batch) GetAPIVersion() *Pending[int] { return add(b, getAPIVersion()) }

func getKojiVersion() spec[string] { return value[string]("getKojiVersion") }

// GetKojiVersion returns the hub's version, such as "1.35.3". Hubs before 1.23
// answer with a fault that says "Invalid method"; Version knows about that.
func (c *Client) GetKojiVersion(ctx context.Context) (string, error) {
	return call(ctx, c, getKojiVersion())
}

// GetKojiVersion adds Client.GetKojiVersion.
func (b *Batch) GetKojiVersion() *Pending[string] { return add(b, getKojiVersion()) }

// HubVersion returns the version that the hub last sent along with an answer,
// such as "1.35.3", or "" (no call yet, or a hub before 1.35).
func (c *core) HubVersion() string {
	if v := c.version.Load(); v != nil {
		return *v
	}
	return ""
}

// Version is a version of Koji. The zero value is that of a hub before 1.23,
// which does not tell.
type Version struct{ Major, Minor, Patch int }

// ParseVersion reads "1.35.3"; what follows the numbers does not count.
func ParseVersion(s string) (Version, error) {
	var n [3]int
	parts := strings.SplitN(s, ".", 4)
	for i := range min(len(parts), 3) {
		digits := parts[i]
		if end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
			digits = digits[:end]
		}
		var err error
		if n[i], err = strconv.Atoi(digits); err != nil {
			return Version{}, fmt.Errorf("parse koji version %q: no number at part %d", s, i+1)
		}
	}
	return Version{n[0], n[1], n[2]}, nil
}

// AtLeast reports whether the version is major.minor or later.
func (v Version) AtLeast(major, minor int) bool {
	return v.Major > major || v.Major == major && v.Minor >= minor
}

// String returns major.minor.patch.
func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Version returns the hub's version: the one that came with an answer, or the
// answer of getKojiVersion. It is the zero Version for hubs before 1.23.
func (c *Client) Version(ctx context.Context) (Version, error) {
	text := c.HubVersion()
	if text == "" {
		var err error
		text, err = c.GetKojiVersion(ctx)
		var fault *Fault
		if errors.As(err, &fault) && fault.invalidMethod() {
			return Version{}, nil
		}
		if err != nil {
			return Version{}, err
		}
	}
	return ParseVersion(text)
}

// invalidMethod reports whether the hub says that it has no such method.
func (f *Fault) invalidMethod() bool {
	return f.Code == codeGeneric && strings.HasPrefix(f.String, "Invalid method: ")
}

func listMethods() spec[[]string] { return value[[]string]("system.listMethods") }

// ListMethods returns the names of the hub's methods, those of its plugins
// included.
func (c *Client) ListMethods(ctx context.Context) ([]string, error) {
	return call(ctx, c, listMethods())
}

// ListMethods adds Client.ListMethods.
func (b *Batch) ListMethods() *Pending[[]string] { return add(b, listMethods()) }

// Has reports whether the hub has a method, such as listSideTags of a plugin.
// The list is asked for once.
func (c *Client) Has(ctx context.Context, method string) (bool, error) {
	if known := c.methods.Load(); known != nil {
		return (*known)[method], nil
	}
	names, err := c.ListMethods(ctx)
	if err != nil {
		return false, err
	}
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = true
	}
	c.methods.Store(&known)
	return known[method], nil
}

// Method describes a method of the hub.
type Method struct {
	Name string   `koji:"name"`
	Doc  string   `koji:"doc"`     // for people, "" for none
	Desc string   `koji:"argdesc"` // the arguments in Python, such as "(tag, event=None)"
	Args []string // the names in order; *args and **kw are left out
}

// methodRow is Method on the wire. args holds names, and pairs of name and
// default value.
type methodRow struct {
	Name string  `koji:"name"`
	Doc  *string `koji:"doc"`
	Desc string  `koji:"argdesc"`
	Args []any   `koji:"args"`
}

func (m methodRow) method() Method {
	out := Method{Name: m.Name, Desc: m.Desc}
	if m.Doc != nil {
		out.Doc = *m.Doc
	}
	for _, arg := range m.Args {
		if pair, ok := arg.([]any); ok && len(pair) > 0 {
			arg = pair[0]
		}
		if name, ok := arg.(string); ok {
			out.Args = append(out.Args, name)
		}
	}
	return out
}

func listAPI() spec[[]Method] {
	return into("_listapi", func(out *[]methodRow) ([]Method, error) {
		list := make([]Method, 0, len(*out))
		for _, m := range *out {
			list = append(list, m.method())
		}
		return list, nil
	})
}

// ListAPI returns all methods of the hub with their arguments (_listapi), about
// half a megabyte.
func (c *Client) ListAPI(ctx context.Context) ([]Method, error) { return call(ctx, c, listAPI()) }

// ListAPI adds Client.ListAPI.
func (b *Batch) ListAPI() *Pending[[]Method] { return add(b, listAPI()) }

func echo(args []any) spec[[]any] { return value[[]any]("echo", args...) }

// Echo returns its arguments as the hub has understood them.
func (c *Client) Echo(ctx context.Context, args ...any) ([]any, error) {
	return call(ctx, c, echo(args))
}

// Echo adds Client.Echo.
func (b *Batch) Echo(args ...any) *Pending[[]any] { return add(b, echo(args)) }

func getVolume(name string) spec[*Named] { return one[Named]("volume", name, "getVolume", name) }

// GetVolume returns a volume, one of the hub's disks, or a *NotFoundError.
func (c *Client) GetVolume(ctx context.Context, name string) (*Named, error) {
	return call(ctx, c, getVolume(name))
}

// GetVolume adds Client.GetVolume.
func (b *Batch) GetVolume(name string) *Pending[*Named] { return add(b, getVolume(name)) }

func listVolumes() spec[[]Named] { return value[[]Named]("listVolumes") }

// ListVolumes returns all volumes.
func (c *Client) ListVolumes(ctx context.Context) ([]Named, error) {
	return call(ctx, c, listVolumes())
}

// ListVolumes adds Client.ListVolumes.
func (b *Batch) ListVolumes() *Pending[[]Named] { return add(b, listVolumes()) }

// User is an account of the hub.
type User struct {
	ID         int        `koji:"id"`
	Name       string     `koji:"name"`
	Status     UserStatus `koji:"status"`
	Type       UserType   `koji:"usertype"`
	Principals []string   `koji:"krb_principals"` // of Kerberos
	// AuthType says how the session was opened; only of GetLoggedInUser.
	AuthType *AuthType `koji:"authtype"`
}

func getUser(name string) spec[*User] { return one[User]("user", name, "getUser", name) }

// GetUser returns an account by its name or Kerberos principal, or a
// *NotFoundError.
func (c *Client) GetUser(ctx context.Context, name string) (*User, error) {
	return call(ctx, c, getUser(name))
}

// GetUser adds Client.GetUser.
func (b *Batch) GetUser(name string) *Pending[*User] { return add(b, getUser(name)) }

func getLoggedInUser() spec[*User] { return value[*User]("getLoggedInUser") }

// GetLoggedInUser returns the account of the session, nil for none.
func (c *Client) GetLoggedInUser(ctx context.Context) (*User, error) {
	return call(ctx, c, getLoggedInUser())
}

// GetLoggedInUser adds Client.GetLoggedInUser.
func (b *Batch) GetLoggedInUser() *Pending[*User] { return add(b, getLoggedInUser()) }

func count(method string, args []any) spec[int] {
	return value[int]("count", append([]any{method}, args...)...)
}

// Count returns the number of elements that another method would answer with,
// for methods without a Page. The hub makes the whole answer for it.
func (c *Client) Count(ctx context.Context, method string, args ...any) (int, error) {
	return call(ctx, c, count(method, args))
}

// Filtered is a part of a long answer.
type Filtered[R any] struct {
	Total int // rows of the whole answer
	Rows  []R
}

// Filter returns a part of the rows that another method answers with, for
// methods without a Page such as listTagged (countAndFilterResults). Arguments
// are those of Client.Call. Order must be one member, - in front turns it round.
func Filter[R any](ctx context.Context, c *Client, p Page, method string, args ...any) (Filtered[R], error) {
	named := Keywords{"filterOpts": p.options()}
	if n := len(args); n > 0 {
		if last, ok := args[n-1].(Keywords); ok {
			args = args[:n-1]
			maps.Copy(named, last)
		}
	}
	var out Filtered[R]
	s := into("countAndFilterResults", func(*struct{}) (Filtered[R], error) { return out, nil }, append([]any{method}, args...)...)
	return call(ctx, c, s.with(keywords(named)).tuple(&out.Total, &out.Rows))
}
