package kickstart

import (
	"slices"
	"strings"
)

// Flatten makes one kickstart that stands alone: the lines of included files
// take the place of the %include, and what a later line overrides is dropped,
// so that ksvalidator does not find things defined twice:
//
//   - of commands that may stand once, and of network with the same device, an
//     earlier line whose every option a later line sets again; of url, nfs and
//     the other installation sources, all but the last;
//   - of part, logvol, repo, user and other commands that define things by name,
//     all but the last with the same mount point or name, which is the one that
//     livemedia-creator takes.
//
// Includes that were not followed (no Options.Includes) or do not exist
// (Options.IgnoreMissing) stay as lines. Comments and the order of all else
// stay. The document itself is not changed.
func (d *Document) Flatten() *Document {
	out := &Document{Name: d.Name, version: d.version, eol: d.eol}
	out.nodes = d.inline(nil, d.nodes)
	drop := out.overridden()
	out.nodes = slices.DeleteFunc(out.nodes, func(n Node) bool { return drop[n] })
	return out
}

// inline copies nodes with the includes put in.
func (d *Document) inline(to, nodes []Node) []Node {
	for _, n := range nodes {
		switch n := n.(type) {
		case *Blank:
			to = append(to, &Blank{n.pos, d.terminated(n.raw)})
		case *Comment:
			to = append(to, &Comment{n.pos, d.terminated(n.raw)})
		case *Command:
			c := *n
			c.raw = d.terminated(c.raw)
			to = append(to, &c)
		case *Section:
			s := *n
			s.header = d.terminated(s.header)
			s.Lines = d.inlineLines(nil, n.Lines)
			if s.end != "" {
				s.end = d.terminated(s.end)
			}
			to = append(to, &s)
		case *Include:
			if n.File != "" {
				to = d.inline(to, n.nodes)
				continue
			}
			inc := *n
			inc.raw = d.terminated(inc.raw)
			to = append(to, &inc)
		}
	}
	return to
}

func (d *Document) inlineLines(to, lines []Line) []Line {
	for _, l := range lines {
		if l.Include != nil && l.Include.File != "" {
			to = d.inlineLines(to, l.Include.lines)
			continue
		}
		if l.skipped {
			continue // in its new place it would be part of the script
		}
		l.Text = d.terminated(l.Text)
		to = append(to, l)
	}
	return to
}

// overridden finds the commands that later ones make void.
func (d *Document) overridden() map[Node]bool {
	drop := map[Node]bool{}
	later := map[string][]*laterCommand{}
	t, _ := d.tableVersion().table()
	for _, n := range slices.Backward(d.nodes) {
		c, ok := n.(*Command)
		if !ok {
			continue
		}
		spec, ok := t.lookup(c.Name)
		if !ok || spec.state != stateActive {
			continue
		}
		a, ok := d.read(c)
		if !ok {
			continue
		}
		key := spec.class
		id, _ := identity(spec.class, a)
		if id != "" {
			key += " " + id
		}
		switch {
		case severalTimes(spec.class) || len(spec.options) == 0 && len(c.Args) > 0:
			continue
		case lastWins(spec.class):
			drop[n] = id != "" && id != noMountpoint && len(later[key]) > 0
		case installSource(spec.class):
			drop[n] = len(later[key]) > 0
		default:
			drop[n] = covered(a, later[key])
		}
		if !drop[n] {
			later[key] = append(later[key], &laterCommand{spec, a})
		}
	}
	return drop
}

// laterCommand is a command that stays, seen from the lines above it.
type laterCommand struct {
	spec *commandSpec
	args *Arguments
}

// covered tells whether later lines set, or reset, all that a says.
func covered(a *Arguments, later []*laterCommand) bool {
	if len(later) == 0 {
		return false
	}
	resets := map[string]bool{}
	for _, l := range later {
		for _, o := range l.spec.specs() {
			if o.resets {
				resets[o.dest] = true
			}
		}
		for dest, v := range l.args.values {
			if !v.absent() {
				resets[dest] = true
			}
		}
	}
	for dest, v := range a.values {
		if !resets[dest] && !v.absent() {
			return false
		}
	}
	return true
}

// lastWins names the classes of which one thing defined twice means the last.
func lastWins(class string) bool {
	return slices.Contains(strings.Fields("BTRFS Fcoe Group LogVol Partition Raid Repo SshPw StratisFs StratisPool User VolGroup ZFCP"), class)
}

// severalTimes names the classes whose lines add to each other.
func severalTimes(class string) bool {
	return slices.Contains(strings.Fields("Authselect Bootc DriverDisk Iscsi Module Mount Nvdimm Realm RHSM Snapshot SshKey Syspurpose Timesource"), class)
}

// installSource names the classes that say where to install from; half of one and
// half of another makes no sense.
func installSource(class string) bool {
	return slices.Contains(strings.Fields("Url NFS HardDrive Liveimg OSTreeSetup OSTreeContainer Updates"), class)
}
