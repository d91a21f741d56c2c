package cli

import (
	"context"
	"strconv"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/client"
)

type listCmd struct {
	State   []string `placeholder:"STATE" help:"Only these states: resolving, queued, building, publishing, succeeded, failed, canceled, expired." enum:"resolving,queued,building,publishing,succeeded,failed,canceled,expired"`
	Kind    string   `placeholder:"KIND" help:"Only this kind."`
	Release string   `short:"r" placeholder:"R" help:"Only this release."`
	Arch    string   `short:"a" placeholder:"ARCH" help:"Only this architecture."`
	Owner   string   `placeholder:"NAME" help:"Only those that this token asked for."`
	Source  string   `placeholder:"SOURCE" help:"Only those that named this source."`
	Label   string   `placeholder:"KEY=VALUE" help:"Only those with this label."`
	Limit   int      `short:"n" default:"20" placeholder:"N" help:"At most so many (default 20); 0 for all."`
}

func (*listCmd) about() string { return "" }

func (*listCmd) examples() []example {
	return []example{
		{"respin list", "The last twenty composes."},
		{"respin list --state failed --release 44 --limit 0", "Every failed compose for Fedora 44."},
		{"respin list --label run=1234 --json", "What a test run has made, for a program."},
	}
}

// Run is the verb.
func (l *listCmd) Run(ctx context.Context, a *app) error {
	if l.Limit < 0 {
		return usagef("--limit: %d is negative", l.Limit)
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	o := client.ListOptions{Kind: l.Kind, Release: l.Release, Arch: l.Arch, Owner: l.Owner, Source: l.Source, Label: l.Label, Limit: min(l.Limit, 500)}
	for _, s := range l.State {
		o.States = append(o.States, compose.State(s))
	}
	if l.Limit == 0 {
		o.Limit = 500
	}
	list := api.ComposeList{Composes: []api.Compose{}}
	for one, err := range c.All(ctx, o) {
		if err != nil {
			return err
		}
		list.Composes = append(list.Composes, one)
		if len(list.Composes) == l.Limit {
			break
		}
	}
	if a.global.JSON {
		a.printJSON(list)
		return nil
	}
	a.printComposes(list.Composes)
	return nil
}

func (a *app) printComposes(list []api.Compose) {
	t := &table{head: []string{"ID", "STATE", "KIND", "RELEASE", "ARCH", "CREATED", "WHAT"}}
	for i := range list {
		c := &list[i]
		state := string(c.State)
		if c.State == compose.StateBuilding {
			state += " " + strconv.Itoa(c.Percent) + "%"
		}
		t.add(c.ID, state, string(c.Kind), c.Release, c.Arch, when(c.Created), what(c))
	}
	t.color = func(row, col int, text string) string {
		if col == 1 {
			return paint(true, stateColor(list[row].State), text)
		}
		return text
	}
	a.printTable(t)
}

// what is a compose in a few words.
func what(c *api.Compose) string {
	if c.Title != "" {
		return clip(c.Title, 60)
	}
	return clip(strings.Join(c.Sources, " "), 60)
}

type queueCmd struct{}

func (*queueCmd) about() string { return "" }

func (*queueCmd) examples() []example {
	return []example{
		{"respin queue", "What is being built, and who waits why."},
		{"respin queue --json", "The same for a program."},
	}
}

// Run is the verb.
func (*queueCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	q, err := c.Queue(ctx)
	if err != nil {
		return err
	}
	if a.global.JSON {
		a.printJSON(q)
		return nil
	}
	t := &table{head: []string{"ID", "STATE", "KIND", "ARCH", "NODE", "WHAT", "WAITS FOR"}}
	for i := range q.Running {
		r := &q.Running[i]
		t.add(r.ID, string(r.Stage)+" "+strconv.Itoa(r.Percent)+"%", string(r.Kind), r.Arch, r.Node, what(r), "")
	}
	for i := range q.Waiting {
		w := &q.Waiting[i]
		t.add(w.ID, string(w.State), string(w.Kind), w.Arch, "", what(w), waits(w))
	}
	a.printTable(t)
	return nil
}

type nodesCmd struct {
	Drain   string `placeholder:"NODE" xor:"drain" help:"Let this node finish what it builds and take nothing new."`
	Undrain string `placeholder:"NODE" xor:"drain" help:"Let this node take work again."`
}

func (*nodesCmd) about() string { return "" }

func (*nodesCmd) examples() []example {
	return []example{
		{"respin nodes", "Which nodes there are, what they offer and what they build."},
		{"respin nodes --drain builder2", "Before builder2 is updated."},
	}
}

// Run is the verb.
func (n *nodesCmd) Run(ctx context.Context, a *app) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	var nodes api.Nodes
	switch {
	case n.Drain != "":
		nodes, err = c.Drain(ctx, n.Drain, false)
	case n.Undrain != "":
		nodes, err = c.Drain(ctx, n.Undrain, true)
	default:
		nodes, err = c.Nodes(ctx)
	}
	if err != nil {
		return err
	}
	if a.global.JSON {
		a.printJSON(nodes)
		return nil
	}
	a.printNodes(nodes.Nodes)
	return nil
}

func (a *app) printNodes(nodes []api.Node) {
	t := &table{head: []string{"NODE", "STATE", "HOST", "VERSION", "OFFERS", "BUILDS", "LAST SEEN"}}
	for i := range nodes {
		n := &nodes[i]
		state := "offline"
		switch {
		case n.Online && n.Draining:
			state = "draining"
		case n.Online:
			state = "online"
		}
		t.add(n.ID, state, n.Host, n.Version, offers(n.Offers), strings.Join(n.Running, " "), when(n.LastSeen))
	}
	a.printTable(t)
}

// offers names the kinds, and the arches where not every kind has all of them.
func offers(list []api.Offer) string {
	var kinds []string
	arches := map[string][]string{}
	for _, o := range list {
		name := strings.ReplaceAll(o.Name(), " by ", "/")
		if arches[name] == nil {
			kinds = append(kinds, name)
		}
		arches[name] = append(arches[name], o.Arch)
	}
	for i, k := range kinds {
		if len(arches[k]) < len(compose.Arches()) {
			kinds[i] += "(" + strings.Join(arches[k], ",") + ")"
		}
	}
	return strings.Join(kinds, " ")
}
