package koji

import (
	"context"
	"iter"
)

func getPackageID(name string) spec[int] {
	return into("getPackageID", func(out **int) (int, error) {
		if *out == nil {
			return 0, &NotFoundError{What: "package", Ref: name}
		}
		return **out, nil
	}, name)
}

// GetPackageID returns the id of a source package, or a *NotFoundError.
func (c *Client) GetPackageID(ctx context.Context, name string) (int, error) {
	return call(ctx, c, getPackageID(name))
}

// GetPackageID adds Client.GetPackageID.
func (b *Batch) GetPackageID(name string) *Pending[int] { return add(b, getPackageID(name)) }

func getPackage(name string) spec[*Named] { return one[Named]("package", name, "getPackage", name) }

// GetPackage returns a source package, or a *NotFoundError.
func (c *Client) GetPackage(ctx context.Context, name string) (*Named, error) {
	return call(ctx, c, getPackage(name))
}

// GetPackage adds Client.GetPackage.
func (b *Batch) GetPackage(name string) *Pending[*Named] { return add(b, getPackage(name)) }

// Package is a source package, or how a tag holds one; the pointers are nil
// where no tag, user or package was asked for.
type Package struct {
	ID          int     `koji:"package_id"`
	Name        string  `koji:"package_name"`
	TagID       *int    `koji:"tag_id"`
	TagName     *string `koji:"tag_name"`
	OwnerID     *int    `koji:"owner_id"`
	OwnerName   *string `koji:"owner_name"`
	ExtraArches *string `koji:"extra_arches"`
	Blocked     *bool   `koji:"blocked"` // builds of it are not in the tag
}

// PackageOptions selects packages; conditions add up. Without Tag, User and
// Package all packages that the hub knows are meant.
type PackageOptions struct {
	Event          int    // 0 is now, or the event of the snapshot
	Tag            string // held by this tag
	User           string // owned by this user
	Package        string // this package, in each tag that holds it
	Prefix         string // names that begin so; case does not count
	Inherited      bool   // by what the tag inherits, too
	WithDuplicates bool   // with Inherited: those, too, that a nearer tag hides
	NoOwners       bool   // leave the owner out, which is faster
	NoBlocked      bool   // leave blocked packages out
	Page           Page   // Order by members such as package_name
}

func listPackages(o PackageOptions) spec[[]Package] {
	k := keywords{}.text("tagID", o.Tag).text("userID", o.User).text("pkgID", o.Package).text("prefix", o.Prefix).
		on("inherited", o.Inherited).on("with_dups", o.WithDuplicates).off("with_owners", o.NoOwners).
		off("with_blocked", o.NoBlocked).page(o.Page)
	what, ref := "tag", o.Tag
	if ref == "" {
		what, ref = "user or package", or(o.Package, o.User)
	}
	return value[[]Package]("listPackages").with(k).pinned(o.Event).of(what, ref)
}

// ListPackages returns the packages that are selected. A tag, user or package
// that does not exist is a *NotFoundError.
func (c *Client) ListPackages(ctx context.Context, o PackageOptions) ([]Package, error) {
	return call(ctx, c, listPackages(o))
}

// ListPackages adds Client.ListPackages.
func (b *Batch) ListPackages(o PackageOptions) *Pending[[]Package] { return add(b, listPackages(o)) }

// Packages iterates over what ListPackages returns.
func (c *Client) Packages(ctx context.Context, o PackageOptions) iter.Seq2[*Package, error] {
	return iterate(ctx, c, listPackages(o))
}

func listPackagesSimple(prefix string, p Page) spec[[]Package] {
	return value[[]Package]("listPackagesSimple").with(keywords{}.text("prefix", prefix).page(p))
}

// ListPackagesSimple returns all source packages whose name begins with prefix,
// case not counting, with id and name only.
func (c *Client) ListPackagesSimple(ctx context.Context, prefix string, p Page) ([]Package, error) {
	return call(ctx, c, listPackagesSimple(prefix, p))
}

// ListPackagesSimple adds Client.ListPackagesSimple.
func (b *Batch) ListPackagesSimple(prefix string, p Page) *Pending[[]Package] {
	return add(b, listPackagesSimple(prefix, p))
}

// SearchType is what to search for.
type SearchType string

// The values of SearchType. The name of an RPM is N-V-R.A.rpm there.
const (
	SearchPackage SearchType = "package"
	SearchBuild   SearchType = "build"
	SearchTag     SearchType = "tag"
	SearchTarget  SearchType = "target"
	SearchUser    SearchType = "user"
	SearchHost    SearchType = "host"
	SearchRPM     SearchType = "rpm"
	SearchMaven   SearchType = "maven"
	SearchWin     SearchType = "win"
)

// MatchType is how the terms of a search are meant.
type MatchType string

// The values of MatchType. For globs and regular expressions case does not count.
const (
	MatchExact  MatchType = "exact"
	MatchGlob   MatchType = "glob"
	MatchRegexp MatchType = "regexp" // of PostgreSQL
)

func search(terms string, what SearchType, match MatchType, p Page) spec[[]Named] {
	return value[[]Named]("search", terms, string(what), string(match)).with(keywords{}.page(p))
}

// Search returns what has such a name. Builds and RPMs are millions, and a glob
// that begins with * looks at all of them: set a Limit. Order by id or name.
func (c *Client) Search(ctx context.Context, terms string, what SearchType, match MatchType, p Page) ([]Named, error) {
	return call(ctx, c, search(terms, what, match, p))
}

// Search adds Client.Search.
func (b *Batch) Search(terms string, what SearchType, match MatchType, p Page) *Pending[[]Named] {
	return add(b, search(terms, what, match, p))
}
