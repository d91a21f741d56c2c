package cli

import (
	"fmt"
	"strconv"
	"strings"
)

// address is the one address of a repository.
func (r kickstartRepo) address() string { return r.BaseURL + r.MirrorList + r.Metalink }

// print shows what was found as tables, or one kind of thing.
func (k *kickstartShowCmd) print(a *app, v *kickstartInfo) {
	lists := v.tables()
	if k.Only == "" {
		v.summary(a)
	}
	for _, l := range lists {
		if k.Only != "" && k.Only != l.kind || k.Only == "" && len(l.rows) == 0 {
			continue
		}
		if k.Only == "" {
			a.printf("\n")
			t := l.table
			a.printTable(&t)
			continue
		}
		for _, row := range l.rows {
			a.printf("%s\n", strings.TrimRight(clean(strings.Join(row, "\t")), "\t"))
		}
	}
}

func (v *kickstartInfo) summary(a *app) {
	url, boot := "", ""
	if v.URL != nil {
		url = v.URL.address()
	}
	if v.Bootloader != nil {
		boot = strings.TrimSpace(v.Bootloader.Location + " " + v.Bootloader.Append)
	}
	a.pairs("version", string(v.Version), "lang", v.Lang, "keyboard", v.Keyboard, "timezone", v.Timezone, "selinux", v.SELinux, "url", url, "bootloader", boot,
		"root password", v.RootPassword, "services on", strings.Join(v.Enabled, " "), "services off", strings.Join(v.Disabled, " "),
		"%packages", strings.Join(v.PackageOptions, " "))
}

// kindTable is a table with the name that --only calls it by.
type kindTable struct {
	kind string
	table
}

func (v *kickstartInfo) tables() []kindTable {
	repos := kindTable{"repos", table{head: []string{"REPO", "ADDRESS", "COST"}}}
	for _, r := range v.Repos {
		cost := ""
		if r.Cost != 0 {
			cost = strconv.Itoa(r.Cost)
		}
		repos.add(r.Name, r.address(), cost)
	}
	groups := kindTable{"groups", table{head: []string{"GROUP", "LEVEL"}}}
	if v.Environment != "" {
		groups.add("@^"+v.Environment, "environment")
	}
	for _, g := range v.Groups {
		groups.add("@"+g.ID, g.Level)
	}
	for _, g := range v.ExcludedGroups {
		groups.add("-@"+g, "excluded")
	}
	packages := kindTable{"packages", table{head: []string{"PACKAGE"}}}
	for _, p := range v.Packages {
		packages.add(p)
	}
	for _, p := range v.Excluded {
		packages.add("-" + p)
	}
	parts := kindTable{"partitions", table{head: []string{"PARTITION", "MiB", "FILE SYSTEM", "LINE"}}}
	for _, p := range v.Partitions {
		size := strconv.Itoa(p.Size)
		if p.Grow {
			size += "+"
		}
		parts.add(p.Mountpoint, size, p.FSType, p.String())
	}
	users := kindTable{"users", table{head: []string{"USER", "GROUPS", "PASSWORD", "LINE"}}}
	for _, u := range v.Users {
		users.add(u.Name, strings.Join(u.Groups, ","), u.Password, u.String())
	}
	networks := kindTable{"networks", table{head: []string{"NETWORK", "PROTOCOL", "ADDRESS", "HOST", "LINE"}}}
	for _, n := range v.Networks {
		networks.add(n.Device, n.BootProto, n.IP, n.Hostname, n.String())
	}
	scripts := kindTable{"scripts", table{head: []string{"SCRIPT", "LINES", "INTERPRETER", "OPTIONS", "LINE"}}}
	for _, s := range v.Scripts {
		scripts.add(s.Section, strconv.Itoa(strings.Count(s.Body, "\n")), s.Interpreter, s.options(), s.String())
	}
	return []kindTable{repos, groups, packages, parts, users, networks, scripts}
}

func (s *kickstartScript) options() string {
	var out []string
	if s.NoChroot {
		out = append(out, "--nochroot")
	}
	if s.ErrorOnFail {
		out = append(out, "--erroronfail")
	}
	if s.Log != "" {
		out = append(out, "--log="+s.Log)
	}
	return strings.Join(out, " ")
}

// String gives "file:line".
func (p kickstartPlace) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }
