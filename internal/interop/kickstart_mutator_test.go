//go:build interop

package interop_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
)

// ksCommand is what ks-options.json says of a command.
type ksCommand struct {
	Opts []struct {
		Names   []string `json:"o"`
		Dest    string   `json:"dest"`
		Nargs   any      `json:"nargs"`
		Type    *string  `json:"type"`
		Choices []string `json:"choices"`
	} `json:"opts"`
}

// ksMutator makes kickstarts that are wrong in the ways people and attackers
// get them wrong.
type ksMutator struct {
	*rand.Rand
	seeds    []string
	commands map[string]ksCommand
	names    []string
}

func newMutator(t *testing.T, seed uint64) *ksMutator {
	t.Helper()
	m := &ksMutator{Rand: rand.New(rand.NewPCG(seed, 5))}
	src, err := os.ReadFile(filepath.Join(shareddata.Dir(t, "kickstart"), "ks-options.json"))
	if err != nil {
		t.Fatal(err)
	}
	added, err := os.ReadFile(filepath.Join(shareddata.Root(t), "kickstart", "internal", "gentables", "additions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tables, additions map[string]map[string]ksCommand
	if err := errors.Join(json.Unmarshal(src, &tables), json.Unmarshal(added, &additions)); err != nil {
		t.Fatal(err)
	}
	m.commands = map[string]ksCommand{}
	for _, version := range []string{"F38", "RHEL9", "RHEL10", "F45"} {
		maps.Copy(m.commands, tables[version])
	}
	maps.Copy(m.commands, additions["F45"])
	m.names = slices.Sorted(maps.Keys(m.commands))
	_, files := ksFiles(t)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if len(files[name]) < 8<<10 {
			m.seeds = append(m.seeds, string(files[name]))
		}
	}
	return m
}

func (m *ksMutator) pick(list []string) string { return list[m.IntN(len(list))] }

// value makes an argument; type and choices say what would be right.
func (m *ksMutator) value(typ *string, choices []string) string {
	if len(choices) > 0 && m.IntN(3) > 0 {
		return m.pick(choices)
	}
	if typ != nil && m.IntN(4) > 0 {
		switch *typ {
		case "int":
			return m.pick([]string{"1", "0", "4096", "-5", "007", "1_0", " 7 ", "+3", "99999999999999999999"})
		case "ksboolean":
			return m.pick([]string{"on", "off", "YES", "no", "true", "0", "1", "x"})
		case "_level_cb", "level_cb":
			return m.pick([]string{"0", "1", "RAID5", "raid10", "single", "7"})
		case "_type_cb":
			return m.pick([]string{"lvm", "plain", "BTRFS", "partition", "thinp", "x"})
		case "_when_cb":
			return m.pick([]string{"pre-install", "POST-INSTALL", "x"})
		}
	}
	return m.pick([]string{
		"/", "/boot", "swap", "a", "b", "sda", "/dev/sda1", "pv.01", "btrfs.1", "vg/lv", "link", "eth0", "none", "http://h/$releasever", "file:///x",
		"ext4", "btrfs", "tmpfs", "luks2-hw-opal", "a,b", "a, ,b", "", "--", "-", "-1", "x=y", "a=b,c=d", "a=", "é", "\"a b\"", "'#'", "a#b", "\\", "\"", "''",
		"--name", "--size=5", "@core", "%end", "one two", "0x1f", "10", "50", "101", "mac", "host:1", "//x", "/a/../b", "100%",
	})
}

// quoted writes a value sometimes in quotes.
func (m *ksMutator) quoted(v string) string {
	switch m.IntN(4) {
	case 0:
		return `"` + v + `"`
	case 1:
		return "'" + v + "'"
	}
	return v
}

// command writes a line by the tables.
func (m *ksMutator) command() string {
	name := m.pick(m.names)
	opts := m.commands[name].Opts
	line := name
	for range m.IntN(5) {
		if len(opts) == 0 || m.IntN(12) == 0 {
			line += " " + m.value(nil, nil)
			continue
		}
		o := opts[m.IntN(len(opts))]
		v := m.quoted(m.value(o.Type, o.Choices))
		if len(o.Names) == 0 || !strings.HasPrefix(o.Names[0], "-") {
			line += " " + v
			continue
		}
		option := m.pick(o.Names)
		if m.IntN(15) == 0 {
			option = option[:max(3, len(option)-1-m.IntN(3))]
		}
		flag := o.Nargs != nil && fmt.Sprint(o.Nargs) == "0"
		switch {
		case flag && m.IntN(10) > 0, m.IntN(12) == 0:
			line += " " + option
		case m.IntN(4) == 0:
			line += " " + option + " " + v
		default:
			line += " " + option + "=" + v
		}
	}
	return line
}

// packageLine writes a line of a %packages section.
func (m *ksMutator) packageLine() string {
	return m.pick([]string{"", "-", " ", "\t-"}) +
		m.pick([]string{"@", "@^", "", "", "@ "}) +
		m.pick([]string{"vim", "core", "a b", "vim*", "base-x", "glibc.i686", "", "-", "@x", "é", "kernel#c"}) +
		m.pick([]string{"", "", " --optional", " --nodefaults", " --opt", " --x", " # c", " --optional --nodefaults", " -", " --"})
}

// section writes a section, not always a whole one.
func (m *ksMutator) section() []string {
	head := m.pick([]string{"%packages", "%post", "%pre", "%pre-install", "%onerror", "%traceback", "%addon", "%anaconda", "%certificate", "%packges", "%end", "%include x", "%"})
	for range m.IntN(3) {
		head += " " + m.pick([]string{
			"--nocore", "--default", "--ignoremissing", "--ignorebroken", "--inst-langs=", "--instLangs=en", "--excludeWeakdeps", "--exclude-weakdeps", "--timeout=5",
			"--retries=x", "--multilib", "--excludedocs", "--nobase", "--log=/x", "--logfile /y", "--interpreter=/usr/bin/python3", "--erroronfail", "--nochroot", "--inter",
			"--filename=a", "--dir=/b", "--type=anchor", "x", "com_redhat_x", "'q", "#c", "--", "-",
		})
	}
	lines := []string{head}
	for range m.IntN(5) {
		if strings.HasPrefix(head, "%packages") {
			lines = append(lines, m.packageLine())
			continue
		}
		lines = append(lines, m.pick([]string{"echo a", "", "# c", "%x", "%if", "%end", "%include", "%include a", "%include 'a", "%post", "it's", "%ksappend x", " %end", "%end x", "%packages '", "\t%include \"\""}))
	}
	if m.IntN(6) > 0 {
		lines = append(lines, "%end")
	}
	return lines
}

// mutate changes a few things in a real kickstart.
func (m *ksMutator) mutate() string {
	lines := strings.SplitAfter(m.pick(m.seeds), "\n")
	for range 1 + m.IntN(3) {
		if len(lines) == 0 {
			lines = []string{"\n"}
		}
		i, j := m.IntN(len(lines)), m.IntN(len(lines))
		switch m.IntN(10) {
		case 0:
			lines = slices.Delete(lines, i, i+1)
		case 1:
			lines = slices.Insert(lines, j, lines[i])
		case 2:
			lines[i], lines[j] = lines[j], lines[i]
		case 3, 4:
			lines = slices.Insert(lines, i, m.command()+"\n")
		case 5:
			lines[i] = m.words(lines[i])
		case 6:
			lines[i] = m.chars(lines[i])
		case 7:
			lines = slices.Insert(lines, i, strings.Join(m.section(), "\n")+"\n")
		case 8:
			lines = slices.Insert(lines, i, m.packageLine()+"\n")
		case 9:
			lines[i] = strings.TrimSuffix(lines[i], "\n") + m.pick([]string{" --x", " y", " # z", "\r\n", "\v", "\u2028", "\x1c", " \\", "'", "\"", "\u00a0", "\ufeff"}) + "\n"
		}
	}
	return strings.Join(lines, "")
}

// words changes the arguments of a line.
func (m *ksMutator) words(line string) string {
	w := strings.Fields(line)
	if len(w) == 0 {
		return line
	}
	i := m.IntN(len(w))
	switch m.IntN(5) {
	case 0:
		w = slices.Delete(w, i, i+1)
	case 1:
		w = slices.Insert(w, i, w[m.IntN(len(w))])
	case 2:
		w[i] = m.value(nil, nil)
	case 3:
		name, _, _ := strings.Cut(w[i], "=")
		w[i] = name + "=" + m.value(nil, nil)
	case 4:
		w[i] = strings.ToUpper(w[i])
	}
	return strings.Join(w, " ") + "\n"
}

// chars changes one character of a line.
func (m *ksMutator) chars(line string) string {
	r := []rune(line)
	if len(r) == 0 {
		return line
	}
	i := m.IntN(len(r))
	switch m.IntN(3) {
	case 0:
		r = slices.Delete(r, i, i+1)
	case 1:
		r = slices.Insert(r, i, []rune(m.pick([]string{"'", "\"", "\\", "#", "=", "-", " ", "%", "@", "\x00", "\x1f", "\u0085", ",", "é"}))...)
	case 2:
		r[i] = rune(32 + m.IntN(95))
	}
	return string(r)
}

// next makes one kickstart.
func (m *ksMutator) next() string {
	switch m.IntN(5) {
	case 0, 1, 2:
		return m.mutate()
	case 3:
		var b strings.Builder
		for range 1 + m.IntN(4) {
			b.WriteString(m.command() + "\n")
		}
		return b.String()
	default:
		var b strings.Builder
		for range 1 + m.IntN(3) {
			b.WriteString(strings.Join(m.section(), "\n") + "\n")
		}
		return b.String()
	}
}
