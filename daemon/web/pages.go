package web

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
)

// states lists the states of a compose in their order.
func states() []compose.State {
	return []compose.State{
		compose.StateResolving, compose.StateQueued, compose.StateBuilding, compose.StatePublishing,
		compose.StateSucceeded, compose.StateFailed, compose.StateCanceled, compose.StateExpired,
	}
}

type composesPage struct {
	States   []compose.State
	State    string // the filter, empty for all
	Cursor   string
	Composes []api.Compose
	Older    string // address of the next page
}

func (p *Pages) composes(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page := composesPage{States: states(), State: q.Get("state"), Cursor: q.Get("cursor")}
	if page.State != "" && !slices.Contains(page.States, compose.State(page.State)) {
		p.showProblem(w, api.Problem{
			Title: "No such state", Status: http.StatusBadRequest, Code: "bad-request",
			Detail: fmt.Sprintf("Composes have no state %q.", clip(page.State, 40)), Remedy: "Choose one of those above the list.",
		}, "/composes")
		return
	}
	list, err := p.service.List(r.Context(), page.State, page.Cursor)
	if err != nil {
		p.fail(w, err, "/composes")
		return
	}
	page.Composes = list.Composes
	if list.Next != "" {
		older := url.Values{"cursor": {list.Next}}
		if page.State != "" {
			older.Set("state", page.State)
		}
		page.Older = "/composes?" + older.Encode()
	}
	p.render(w, http.StatusOK, "composes", view{Title: "Composes", Nav: "composes", Page: page})
}

type queuePage struct {
	Waiting, Running []api.Compose
	Nodes            []queueNode
}

type queueNode struct {
	api.Node
	Offers  []archOffer
	Missing []missingKind
}

// archOffer is what a node builds for one architecture.
type archOffer struct {
	Arch  string
	Kinds []string
}

type missingKind struct{ Kind, Reason string }

func (p *Pages) queue(w http.ResponseWriter, r *http.Request) {
	q, err := p.service.Queue(r.Context())
	if err != nil {
		p.fail(w, err, "/")
		return
	}
	nodes, err := p.service.Nodes(r.Context())
	if err != nil {
		p.fail(w, err, "/")
		return
	}
	page := queuePage{Waiting: q.Waiting, Running: q.Running}
	// Those without a position are still being resolved: they come last.
	slices.SortStableFunc(page.Waiting, func(a, b api.Compose) int {
		return cmp.Compare(uint(a.Position)-1, uint(b.Position)-1)
	})
	for i := range nodes.Nodes {
		page.Nodes = append(page.Nodes, queueNode{nodes.Nodes[i], offersOf(nodes.Nodes[i].Offers), missingOf(nodes.Nodes[i].Missing)})
	}
	slices.SortStableFunc(page.Nodes, func(a, b queueNode) int { return strings.Compare(a.ID, b.ID) })
	p.render(w, http.StatusOK, "queue", view{Title: "Queue", Nav: "queue", Refresh: 10, Page: page})
}

func offersOf(offers []api.Offer) []archOffer {
	byArch := map[string][]string{}
	for _, o := range offers {
		byArch[o.Arch] = append(byArch[o.Arch], o.Name())
	}
	var list []archOffer
	for arch, kinds := range byArch {
		slices.Sort(kinds)
		list = append(list, archOffer{arch, slices.Compact(kinds)})
	}
	slices.SortFunc(list, func(a, b archOffer) int { return strings.Compare(a.Arch, b.Arch) })
	return list
}

func missingOf(missing map[string]string) []missingKind {
	var list []missingKind
	for kind, reason := range missing {
		list = append(list, missingKind{kind, reason})
	}
	slices.SortFunc(list, func(a, b missingKind) int { return strings.Compare(a.Kind, b.Kind) })
	return list
}

// clip shortens what a user sent before it is said back.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
