package productmd

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ReadTreeInfo reads .treeinfo: productmd's of version 0.3 and later, and what
// lorax writes, which has but the older section general. The error is a
// *SyntaxError or, for values that break a rule, a *FieldError.
func ReadTreeInfo(r io.Reader) (*TreeInfo, error) {
	f, err := parseINI(r, treeInfoFile, maxTreeInfo)
	if err != nil {
		return nil, err
	}
	t := &TreeInfo{Images: map[string]map[string]string{}, Checksums: map[string]Checksum{}}
	x := &treeReader{TreeInfo: t, f: f}
	if v := f["header"]["version"]; v == "" || v == "0.0" {
		err = x.old()
	} else {
		err = x.current()
	}
	if err != nil {
		return nil, err
	}
	x.images()
	if err := x.media(); err != nil {
		return nil, err
	}
	return t, t.Validate()
}

type treeReader struct {
	*TreeInfo
	f      ini
	legacy bool
}

func missing(section, key string) error {
	return &FieldError{File: treeInfoFile, Field: section + "." + key, Reason: "is missing"}
}

func (x *treeReader) current() error {
	if kind := x.f["header"]["type"]; kind != "" && kind != "productmd.treeinfo" {
		return &FieldError{File: treeInfoFile, Field: "header.type", Reason: fmt.Sprintf("is %q", clip(kind))}
	}
	release := "release"
	if x.f[release] == nil {
		release = "product" // version 0.3
	}
	x.Release = x.product(release)
	if isTrue(x.f[release]["is_layered"]) {
		base := x.product("base_product")
		x.BaseProduct = &base
	}
	tree := x.f["tree"]
	if tree == nil {
		return missing("tree", "arch")
	}
	x.Arch = tree["arch"]
	x.Platforms = others(tree["platforms"], x.Arch)
	var err error
	if x.BuildTime, err = seconds("tree.build_timestamp", tree["build_timestamp"]); err != nil {
		return err
	}
	for _, uid := range fields(tree["variants"]) {
		v, err := x.variant(uid, 0)
		if err != nil {
			return err
		}
		x.Variants = append(x.Variants, v)
	}
	return nil
}

func (x *treeReader) product(section string) Product {
	s := x.f[section]
	return Product{Name: s["name"], Short: cmp.Or(s["short"], s["name"]), Version: s["version"]}
}

// variant reads the variant uid and, of one at the top, its addons.
func (x *treeReader) variant(uid string, depth int) (TreeVariant, error) {
	section := "variant-" + uid
	if depth > 0 || x.f[section] == nil {
		section = "addon-" + uid
	}
	s := x.f[section]
	if s == nil {
		return TreeVariant{}, missing("variant-"+clip(uid), "id")
	}
	v := TreeVariant{ID: s["id"], UID: s["uid"], Name: s["name"], Type: s["type"]}
	for key, path := range v.paths() {
		*path = s[key]
	}
	if depth > 0 || s["addons"] == "" {
		return v, nil
	}
	for _, id := range fields(s["addons"]) {
		addon, err := x.variant(id, depth+1)
		if err != nil {
			return v, err
		}
		v.Addons = append(v.Addons, addon)
	}
	return v, nil
}

// old reads the format before productmd, as lorax writes it (pylorax/treeinfo.py)
// and as productmd's deserialize_0_0 understands it.
func (x *treeReader) old() error {
	g := x.f["general"]
	if g == nil {
		return missing("general", "family")
	}
	x.legacy = true
	x.Arch = g["arch"]
	family := g["family"]
	x.Release = Product{Name: family, Short: family, Version: g["version"]}
	for _, known := range [][2]string{{"Red Hat Enterprise Linux", "RHEL"}, {"Fedora", "Fedora"}, {"CentOS", "CentOS"}} {
		if strings.HasPrefix(family, known[0]) {
			x.Release.Name, x.Release.Short = known[0], known[1]
		}
	}
	for part := range strings.FieldsFuncSeq(g["version"], func(r rune) bool { return r == '-' || r == '_' }) {
		if digitsVersion.MatchString(part) {
			x.Release.Version = part
		}
	}
	x.BuildTime = -1
	if g["timestamp"] != "" {
		var err error
		if x.BuildTime, err = seconds("general.timestamp", g["timestamp"]); err != nil {
			return err
		}
	}
	x.Platforms = others(x.f[x.Arch]["platforms"], x.Arch)
	id := cmp.Or(g["variant"], x.Release.Short)
	v := TreeVariant{ID: id[strings.LastIndexByte(id, '-')+1:], UID: id, Name: cmp.Or(x.f["variant-"+id]["name"], id[strings.LastIndexByte(id, '-')+1:]), Type: VariantPlain}
	s := x.f["variant-"+id]
	v.Repository = strings.TrimRight(cmp.Or(s["repository"], g["repository"], "."), "/")
	v.Repository = cmp.Or(strings.TrimSuffix(v.Repository, "/repodata"), ".")
	v.Packages = strings.TrimRight(cmp.Or(s["packages"], s["packagedir"], g["packages"], g["packagedir"], v.Repository), "/")
	if v.Packages == "." && x.Release.Short == "Fedora" {
		v.Packages = "Packages"
	}
	x.Variants = []TreeVariant{v}
	return nil
}

// images reads images, stage 2 and checksums, which both formats have alike.
func (x *treeReader) images() {
	for section, images := range x.f {
		platform, ok := strings.CutPrefix(section, "images-")
		if !ok {
			continue
		}
		if platform != x.Arch {
			platform = strings.TrimSuffix(platform, "-"+x.Arch)
		}
		if x.legacy && platform != x.Arch && !slices.Contains(x.Platforms, platform) {
			x.Platforms = append(x.Platforms, platform)
		}
		x.Images[platform] = map[string]string{}
		for name, path := range images {
			x.Images[platform][name] = x.relative(path)
		}
	}
	slices.Sort(x.Platforms)
	x.MainImage, x.InstImage = x.relative(x.f["stage2"]["mainimage"]), x.relative(x.f["stage2"]["instimage"])
	for path, value := range x.f["checksums"] {
		kind, sum, ok := strings.Cut(value, ":")
		if !ok {
			sum = value
			kind = map[int]string{32: "md5", 40: "sha1", 64: "sha256"}[len(value)]
		}
		x.Checksums[x.relative(path)] = Checksum{Type: kind, Value: sum}
	}
}

// relative mends the absolute paths that some old trees have.
func (x *treeReader) relative(path string) string {
	if !x.legacy || !strings.HasPrefix(path, "/") {
		return path
	}
	if _, rest, ok := strings.Cut(path, "/os/"); ok {
		return rest
	}
	return strings.TrimLeft(path, "/")
}

func (x *treeReader) media() error {
	s := x.f["media"]
	if x.legacy {
		s = x.f["general"]
	}
	if s["discnum"] == "" && s["totaldiscs"] == "" {
		return nil
	}
	var err error
	if x.Disc, err = strconv.Atoi(cmp.Or(s["discnum"], "1")); err == nil {
		x.Discs, err = strconv.Atoi(cmp.Or(s["totaldiscs"], s["discnum"], "1"))
	}
	if err != nil {
		return &FieldError{File: treeInfoFile, Field: "media", Reason: fmt.Sprintf("has %q of %q", clip(s["discnum"]), clip(s["totaldiscs"]))}
	}
	return nil
}

func seconds(field, text string) (int64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.Abs(n) > 1<<50 {
		return 0, &FieldError{File: treeInfoFile, Field: field, Reason: fmt.Sprintf("is %q, which is no time", clip(text))}
	}
	return int64(n), nil
}

func isTrue(text string) bool {
	switch strings.ToLower(text) {
	case "1", "yes", "true", "on":
		return true
	}
	return false
}

// fields cuts a list with commas apart; empty elements are left out.
func fields(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' })
}

// others are the elements of a list but one, sorted.
func others(text, but string) []string {
	list := slices.DeleteFunc(fields(text), func(s string) bool { return s == but })
	slices.Sort(list)
	return slices.Compact(list)
}
