package compose

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Limits of Request.Options.
const (
	maxTemplates    = 20
	maxTemplateText = 256 << 10 // bytes
	maxTemplateVars = 100
	maxRootfsSize   = 1000 // GiB
)

var (
	// Product and variant end up in boot menus, file names and a system's
	// os-release; anything that could need quotes there is refused.
	productPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$`)
	variantPattern  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	templatePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$`)
	varPattern      = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	rootfsPattern   = regexp.MustCompile(`^(squashfs|erofs)(-ext4)?$`)
)

// options checks what reaches a tool's command line as it is.
func (c *checker) options(o *Options) {
	if o.RootfsSize < 0 || o.RootfsSize > maxRootfsSize {
		c.add(CodeInvalidRequest, "options.rootfs_size", "Give a number of GiB, as 3.", "A root file system of %d GiB cannot be made.", o.RootfsSize)
	}
	if o.RootfsType != "" && !rootfsPattern.MatchString(o.RootfsType) {
		c.add(CodeInvalidRequest, "options.rootfs_type", "Use squashfs, squashfs-ext4, erofs or erofs-ext4.", "There is no root file system type %q.", clip(o.RootfsType))
	}
	if o.Product != "" && !productPattern.MatchString(o.Product) {
		c.add(CodeInvalidRequest, "options.product", "Use letters, digits, spaces and . _ -.", "The product name %q cannot stand in a boot menu.", clip(o.Product))
	}
	if o.Variant != "" && !variantPattern.MatchString(o.Variant) {
		c.add(CodeInvalidRequest, "options.variant", "Write it like Server.", "%q is no variant.", clip(o.Variant))
	}
	if len(o.Templates) > maxTemplates || len(o.TemplateVars) > maxTemplateVars || len(o.ArchTemplateVars) > maxTemplateVars {
		c.add(CodeInvalidRequest, "options.templates", "Use fewer.", "More than %d templates or %d variables are given.", maxTemplates, maxTemplateVars)
		return
	}
	for i, t := range o.Templates {
		field := "options.templates[" + strconv.Itoa(i) + "]"
		if !templatePattern.MatchString(t.Name) {
			c.add(CodeInvalidRequest, field+".name", "Use letters, digits, dash and underscore.", "%q is no name of a template.", clip(t.Name))
		}
		if strings.TrimSpace(t.Text) == "" || len(t.Text) > maxTemplateText {
			c.add(CodeInvalidRequest, field+".text", "Give the template's text.", "The template %q is empty or longer than %d bytes.", clip(t.Name), maxTemplateText)
		}
	}
	c.vars("options.template_vars", o.TemplateVars)
	c.vars("options.arch_template_vars", o.ArchTemplateVars)
}

func (c *checker) vars(field string, vars map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(vars)) {
		if !varPattern.MatchString(key) || !cleanText(vars[key]) || strings.Contains(vars[key], "${") {
			c.add(CodeInvalidRequest, field, "Use a name like mirror, and one line of plain text.", "The variable %q or its value cannot be passed to a template.", clip(key))
		}
	}
}
