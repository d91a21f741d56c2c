package productmd

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

const composeInfoFile = "composeinfo.json"

// Compose types.
const (
	TypeProduction  = "production"
	TypeNightly     = "nightly"
	TypeTest        = "test"
	TypeCI          = "ci"
	TypeDevelopment = "development"
)

// Compose names a compose, in each of the JSON files.
type Compose struct {
	Date   string `json:"date"`            // of eight digits: 20260101
	Final  *bool  `json:"final,omitempty"` // only beside a label
	ID     string `json:"id"`              // see ComposeID
	Label  string `json:"label,omitempty"` // milestone, such as "RC-1.2"
	Respin int    `json:"respin"`
	Type   string `json:"type"` // see the Type constants
}

// ComposeID puts an id together as Pungi does, "Fedora-44-20260101.n.0", and
// sets c.ID to it. An updates release has its type behind the version.
func (c *Compose) ComposeID(release *Release) string {
	suffix := ""
	if t := strings.ToLower(release.Type); t != "" && t != ReleaseGA {
		suffix = "-" + t
	}
	c.ID = fmt.Sprintf("%s-%s%s-%s%s.%d", release.Short, release.Version, suffix, c.Date, typeSuffixes()[c.Type], c.Respin)
	return c.ID
}

func typeSuffixes() map[string]string {
	return map[string]string{TypeProduction: "", TypeCI: ".ci", TypeNightly: ".n", TypeTest: ".t", TypeDevelopment: ".d"}
}

var (
	composeIDPattern = regexp.MustCompile(`^.*\d{8}(\.nightly|\.n|\.ci|\.test|\.t)?(\.\d+)?`)
	datePattern      = regexp.MustCompile(`^\d{8}$`)
	labelPattern     = regexp.MustCompile(`^(EA|DevelPhaseExit|InternalAlpha|Alpha|InternalSnapshot|Beta|Snapshot|RC|Update|SecurityFix)-\d+\.\d+$`)
	releasePattern   = regexp.MustCompile(`^([^0-9].*|([0-9]+(\.?[0-9]+)*))$`)
	variantPattern   = regexp.MustCompile(`^[a-zA-Z0-9]+$`)
)

func (c *Compose) validate(file string) error {
	bad := func(field, format string, args ...any) error {
		return &FieldError{File: file, Field: "compose." + field, Reason: fmt.Sprintf(format, args...)}
	}
	_, known := typeSuffixes()[c.Type]
	switch {
	case !composeIDPattern.MatchString(c.ID):
		return bad("id", "is %q, which has no date in it", clip(c.ID))
	case !datePattern.MatchString(c.Date):
		return bad("date", "is %q, which is not of eight digits", clip(c.Date))
	case !known:
		return bad("type", "is the unknown type %q", clip(c.Type))
	case c.Label != "" && !labelPattern.MatchString(c.Label):
		return bad("label", "is %q, which is no milestone", clip(c.Label))
	case c.Respin < 0:
		return bad("respin", "is %d", c.Respin)
	}
	if c.Label != "" && c.Final == nil {
		c.Final = new(bool)
	}
	return nil
}

// Release types.
const (
	ReleaseGA      = "ga"
	ReleaseUpdates = "updates"
	ReleaseTesting = "updates-testing"
)

// Release is what a compose is of, in composeinfo.json.
type Release struct {
	Internal  bool   `json:"internal"`
	IsLayered bool   `json:"is_layered,omitempty"`
	Name      string `json:"name"`
	Short     string `json:"short"`
	Type      string `json:"type"` // ReleaseGA and the like
	Version   string `json:"version"`
}

func (r *Release) validate(field string) error {
	bad := func(name, value string) error {
		return &FieldError{File: composeInfoFile, Field: field + "." + name, Reason: fmt.Sprintf("is %q", clip(value))}
	}
	switch {
	case r.Name == "":
		return bad("name", r.Name)
	case r.Short == "":
		return bad("short", r.Short)
	case !releasePattern.MatchString(r.Version):
		return bad("version", r.Version)
	case !slices.Contains([]string{"fast", ReleaseGA, ReleaseUpdates, ReleaseTesting, "eus", "aus", "els", "tus", "e4s"}, r.Type):
		return bad("type", r.Type)
	}
	return nil
}

// BaseProduct is what a layered release runs on.
type BaseProduct struct {
	Name    string `json:"name"`
	Short   string `json:"short"`
	Type    string `json:"type"`
	Version string `json:"version"`
}

// Variant is a part of a compose.
type Variant struct {
	Arches []string `json:"arches"`
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	// Paths are by kind ("os_tree", "packages", "repository", "isos", "images" ...)
	// and arch, relative to the compose.
	Paths    map[string]map[string]string `json:"paths"`
	Release  *Release                     `json:"release,omitempty"` // of a layered product
	Type     string                       `json:"type"`
	UID      string                       `json:"uid"`
	Variants []string                     `json:"variants,omitempty"` // ids of those below it
}

// ComposeInfo is composeinfo.json.
type ComposeInfo struct {
	BaseProduct *BaseProduct       `json:"base_product,omitempty"`
	Compose     Compose            `json:"compose"`
	Release     Release            `json:"release"`
	Variants    map[string]Variant `json:"variants"` // by UID
}

// Validate returns the *FieldError of a rule that is broken.
func (c *ComposeInfo) Validate() error {
	if err := c.Compose.validate(composeInfoFile); err != nil {
		return err
	}
	if err := c.Release.validate("release"); err != nil {
		return err
	}
	if c.Release.IsLayered != (c.BaseProduct != nil) {
		return &FieldError{File: composeInfoFile, Field: "base_product", Reason: "belongs to a layered release, and only there"}
	}
	for uid, v := range c.Variants {
		if reason := v.validate(uid); reason != "" {
			return &FieldError{File: composeInfoFile, Field: "variants." + uid, Reason: reason}
		}
	}
	return nil
}

func (v *Variant) validate(uid string) string {
	switch {
	case v.UID != uid:
		return fmt.Sprintf("has the uid %q", clip(v.UID))
	case !variantPattern.MatchString(v.ID):
		return fmt.Sprintf("has the id %q, which must be letters and digits", clip(v.ID))
	case strings.ReplaceAll(v.UID, "-", "") != v.ID && !strings.HasSuffix(v.UID, "-"+v.ID):
		return fmt.Sprintf("has the id %q, which is not its uid's", clip(v.ID))
	case strings.TrimSpace(v.Name) == "":
		return "has no name"
	case len(v.Arches) == 0:
		return "has no arch"
	case !slices.Contains([]string{VariantPlain, VariantOptional, VariantAddon, VariantLayered}, v.Type):
		return fmt.Sprintf("has the unknown type %q", clip(v.Type))
	}
	for kind, byArch := range v.Paths {
		for arch, path := range byArch {
			if strings.HasPrefix(path, "/") || !slices.Contains(v.Arches, arch) {
				return fmt.Sprintf("has the path %q of %s for %s, which is absolute or of no arch of it", clip(path), kind, arch)
			}
		}
	}
	return ""
}

// Write writes composeinfo.json.
func (c *ComposeInfo) Write(w io.Writer) error {
	if err := c.Validate(); err != nil {
		return err
	}
	out := *c
	out.Variants = make(map[string]Variant, len(c.Variants))
	for uid, v := range c.Variants {
		v.Arches, v.Variants = slices.Sorted(slices.Values(v.Arches)), slices.Sorted(slices.Values(v.Variants))
		if v.Paths == nil {
			v.Paths = map[string]map[string]string{}
		}
		out.Variants[uid] = v
	}
	return writeJSON(w, composeInfoFile, "productmd.composeinfo", &out)
}

// ReadComposeInfo reads composeinfo.json of version 1.0 to 1.2.
func ReadComposeInfo(r io.Reader) (*ComposeInfo, error) {
	c, err := readJSON[*ComposeInfo](r, composeInfoFile, "productmd.composeinfo")
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, &SyntaxError{File: composeInfoFile, Reason: "has no payload"}
	}
	return c, c.Validate()
}
