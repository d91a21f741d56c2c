package productmd

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const treeInfoFile = ".treeinfo"

// Product is a release, or the one that a layered release runs on.
type Product struct {
	Name    string // "Fedora"
	Short   string // "Fedora"; default: Name
	Version string // "44"; digits and points, or a word such as "Rawhide"
}

// Variant types of .treeinfo and composeinfo.json.
const (
	VariantPlain    = "variant"
	VariantOptional = "optional"
	VariantAddon    = "addon"
	VariantLayered  = "layered-product" // in composeinfo.json only
)

// TreeInfo is .treeinfo: what an installable tree holds and where.
type TreeInfo struct {
	Release     Product
	BaseProduct *Product // of a layered release, else nil
	Arch        string
	Platforms   []string // besides Arch, such as "xen"
	BuildTime   int64    // seconds since 1970; -1 where an old file does not say
	Variants    []TreeVariant
	Images      map[string]map[string]string // by platform and name: "kernel", "initrd", "boot.iso"; paths are relative
	MainImage   string                       // stage 2 of the installer, relative
	InstImage   string                       // the same before Fedora 17
	Checksums   map[string]Checksum          // by path
	Disc, Discs int                          // number and count of the medium; 0: a tree
}

// TreeVariant is a part of a tree. All paths are relative to the tree.
type TreeVariant struct {
	ID   string // without a hyphen
	UID  string // default: ID; the parent's UID, a hyphen and ID for an addon
	Name string // default: ID
	Type string // default VariantPlain

	Packages, Repository             string
	SourcePackages, SourceRepository string
	DebugPackages, DebugRepository   string
	Identity                         string
	Addons                           []TreeVariant
}

// Checksum is a digest of a file.
type Checksum struct {
	Type  string // "sha256", or an older algorithm
	Value string // hexadecimal
}

var (
	digitsVersion = regexp.MustCompile(`^\d+(\.\d+)*$`)
	startsDigit   = regexp.MustCompile(`^\d`)
)

// Validate returns the *FieldError of the first rule that is broken.
func (t *TreeInfo) Validate() error {
	bad := func(field, format string, args ...any) error {
		return &FieldError{File: treeInfoFile, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	products := []*Product{&t.Release}
	if t.BaseProduct != nil {
		products = append(products, t.BaseProduct)
	}
	for _, p := range products {
		if p.Name == "" {
			return bad("release.name", "is empty")
		}
		if p.Version == "" || startsDigit.MatchString(p.Version) && !digitsVersion.MatchString(p.Version) {
			return bad("release.version", "is %q, which is neither digits with points nor a word", p.Version)
		}
	}
	switch {
	case t.Arch == "":
		return bad("tree.arch", "is empty")
	case slices.ContainsFunc(t.platforms(), func(p string) bool { return p == "" || strings.ContainsAny(p, ", ") }):
		return bad("tree.platforms", "are %q, which are not all words", t.platforms())
	case t.BuildTime == 0:
		return bad("tree.build_timestamp", "is not set")
	case len(t.Variants) == 0:
		return bad("tree.variants", "are none")
	case (t.Disc == 0) != (t.Discs == 0) || t.Disc < 0 || t.Disc > t.Discs:
		return bad("media", "is disc %d of %d", t.Disc, t.Discs)
	}
	seen := map[string]bool{}
	for i := range t.Variants {
		if err := t.Variants[i].validate("", seen); err != nil {
			return err
		}
	}
	for platform, images := range t.Images {
		if platform != t.Arch && !slices.Contains(t.Platforms, platform) {
			return bad("images-"+platform, "are of a platform that the tree does not name")
		}
		for name, path := range images {
			if bad := badPath(path); bad != "" {
				return &FieldError{File: treeInfoFile, Field: "images-" + platform + "." + name, Reason: bad}
			}
		}
	}
	for path, sum := range t.Checksums {
		if bad := badPath(path); bad != "" {
			return &FieldError{File: treeInfoFile, Field: "checksums", Reason: bad}
		}
		if sum.Type == "" || sum.Value == "" || strings.Contains(sum.Type+sum.Value, ":") {
			return bad("checksums."+path, "has no type or no value")
		}
	}
	for _, path := range []string{t.MainImage, t.InstImage} {
		if strings.HasPrefix(path, "/") {
			return bad("stage2", "has the path %q, which is not relative", path)
		}
	}
	return nil
}

func badPath(path string) string {
	if path == "" || strings.HasPrefix(path, "/") {
		return fmt.Sprintf("have the path %q, which is not relative", path)
	}
	return ""
}

func (v *TreeVariant) validate(parent string, seen map[string]bool) error {
	bad := func(format string, args ...any) error {
		return &FieldError{File: treeInfoFile, Field: "variant " + cmp.Or(v.uid(parent), v.ID), Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case v.ID == "" || strings.ContainsAny(v.ID, "-, "):
		return bad("has the id %q; it must be a word without a hyphen", v.ID)
	case parent != "" && v.uid(parent) != parent+"-"+v.ID:
		return bad("is an addon of %s, and its uid does not say so", parent)
	case strings.ContainsAny(v.UID, ", "):
		return bad("has a uid of more than a word")
	case !slices.Contains([]string{"", VariantPlain, VariantOptional, VariantAddon}, v.Type):
		return bad("is of the unknown type %q", v.Type)
	case seen[v.uid(parent)]:
		return bad("comes twice")
	}
	seen[v.uid(parent)] = true
	if len(seen) > maxSections {
		return bad("is one of more than %d", maxSections)
	}
	for i := range v.Addons {
		if len(v.Addons[i].Addons) > 0 {
			return bad("has an addon with addons")
		}
		if err := v.Addons[i].validate(v.uid(parent), seen); err != nil {
			return err
		}
	}
	return nil
}

func (v *TreeVariant) uid(parent string) string {
	if v.UID == "" && parent != "" {
		return parent + "-" + v.ID
	}
	return cmp.Or(v.UID, v.ID)
}

// kind is the type of a variant.
func (v *TreeVariant) kind(parent string) string {
	if v.Type == "" && parent != "" {
		return VariantAddon
	}
	return cmp.Or(v.Type, VariantPlain)
}

func (v *TreeVariant) section(parent string) string {
	if v.kind(parent) == VariantAddon {
		return "addon-" + v.uid(parent)
	}
	return "variant-" + v.uid(parent)
}

// paths lists the paths by their keys.
func (v *TreeVariant) paths() map[string]*string {
	return map[string]*string{
		"packages": &v.Packages, "repository": &v.Repository, "source_packages": &v.SourcePackages, "source_repository": &v.SourceRepository,
		"debug_packages": &v.DebugPackages, "debug_repository": &v.DebugRepository, "identity": &v.Identity,
	}
}

// Write writes the file, with the section general that older readers look at.
func (t *TreeInfo) Write(w io.Writer) error {
	if err := t.Validate(); err != nil {
		return err
	}
	f := ini{}
	f.set("header", "type", "productmd.treeinfo")
	f.set("header", "version", version)
	t.Release.write(f, "release")
	if t.BaseProduct != nil {
		f.set("release", "is_layered", "true")
		t.BaseProduct.write(f, "base_product")
	}
	f.set("tree", "arch", t.Arch)
	f.set("tree", "platforms", strings.Join(t.platforms(), ","))
	f.set("tree", "build_timestamp", strconv.FormatInt(t.BuildTime, 10))
	var uids []string
	for i := range t.Variants {
		uids = append(uids, t.Variants[i].uid(""))
		t.Variants[i].write(f, "")
	}
	slices.Sort(uids)
	f.set("tree", "variants", strings.Join(uids, ","))
	for platform, images := range t.Images {
		for name, path := range images {
			f.set("images-"+platform, name, path)
		}
	}
	f.set("stage2", "mainimage", t.MainImage)
	f.set("stage2", "instimage", t.InstImage)
	for path, sum := range t.Checksums {
		f.set("checksums", path, sum.Type+":"+sum.Value)
	}
	if t.Discs > 0 {
		f.set("media", "discnum", strconv.Itoa(t.Disc))
		f.set("media", "totaldiscs", strconv.Itoa(t.Discs))
	}
	t.general(f, uids)
	return f.write(w, treeInfoFile)
}

func (p *Product) write(f ini, section string) {
	f.set(section, "name", p.Name)
	f.set(section, "short", cmp.Or(p.Short, p.Name))
	f.set(section, "version", p.Version)
}

func (v *TreeVariant) write(f ini, parent string) {
	s := v.section(parent)
	f.set(s, "id", v.ID)
	f.set(s, "uid", v.uid(parent))
	f.set(s, "name", cmp.Or(v.Name, v.ID))
	f.set(s, "type", v.kind(parent))
	for key, path := range v.paths() {
		f.set(s, key, *path)
	}
	f.set(s, "parent", parent)
	var addons []string
	for i := range v.Addons {
		v.Addons[i].write(f, v.uid(parent))
		addons = append(addons, v.Addons[i].uid(v.uid(parent)))
	}
	slices.Sort(addons)
	f.set(s, "addons", strings.Join(addons, ","))
}

func (t *TreeInfo) platforms() []string {
	set := map[string]bool{t.Arch: true}
	for _, p := range t.Platforms {
		set[p] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// general writes the section of the format before productmd.
func (t *TreeInfo) general(f ini, uids []string) {
	const s = "general"
	f.set(s, warningKey+"0", "This section provides compatibility with pre-productmd treeinfos.")
	f.set(s, warningKey+"1", "Read productmd documentation for details about new format.")
	f.set(s, "name", t.Release.Name+" "+t.Release.Version)
	f.set(s, "family", t.Release.Name)
	f.set(s, "version", t.Release.Version)
	f.set(s, "arch", t.Arch)
	f.set(s, "platforms", strings.Join(t.platforms(), ","))
	f.set(s, "timestamp", strconv.FormatInt(t.BuildTime, 10))
	f.set(s, "variants", strings.Join(uids, ","))
	f.set(s, "variant", uids[0])
	for i := range t.Variants {
		v := &t.Variants[i]
		if v.uid("") != uids[0] {
			continue
		}
		packages, repository := v.Packages, v.Repository
		if t.Arch == "src" {
			packages, repository = cmp.Or(packages, v.SourcePackages), cmp.Or(repository, v.SourceRepository)
		}
		f.set(s, "packagedir", packages)
		f.set(s, "repository", repository)
	}
}

// version is the one of every format that is written.
const version = "1.2"
