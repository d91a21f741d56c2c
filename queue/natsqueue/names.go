package natsqueue

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/fedora-respin/respin/queue"
)

// DefaultNamespace starts the name of every stream, bucket and subject.
const DefaultNamespace = "queue"

// names makes the names of everything in JetStream from the namespace.
type names string

var namespaceRE = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

func newNames(namespace string) (names, error) {
	if namespace == "" {
		namespace = DefaultNamespace
	}
	if !namespaceRE.MatchString(namespace) {
		return "", fmt.Errorf("namespace %q: must be 1 to 32 letters, digits, _ and -", namespace)
	}
	return names(namespace), nil
}

func (n names) jobs() string    { return string(n) + "_jobs" }
func (n names) results() string { return string(n) + "_results" }
func (n names) events() string  { return string(n) + "_events" }
func (n names) index() string   { return string(n) + "_index" }
func (n names) claims() string  { return string(n) + "_claims" }
func (n names) cancels() string { return string(n) + "_cancels" }
func (n names) nodes() string   { return string(n) + "_nodes" }

func (n names) streams() []string {
	return []string{
		n.jobs(), n.results(), n.events(),
		"KV_" + n.index(), "KV_" + n.claims(), "KV_" + n.cancels(), "KV_" + n.nodes(),
	}
}

func prio(p int) string {
	if p == queue.High {
		return "h"
	}
	return "n"
}

// jobSubject holds the job's ID, so that the server can refuse a second message
// for it and find the first.
func (n names) jobSubject(j queue.Job) string {
	return n.capSubject(j.Capability(), j.Priority) + "." + j.ID
}

func (n names) capSubject(c queue.Capability, priority int) string {
	return string(n) + ".jobs." + prio(priority) + "." + c.Arch + "." + c.Kind
}

// parseJobSubject is the inverse of jobSubject, without the payload.
func (n names) parseJobSubject(subject string) (queue.Job, bool) {
	p := strings.Split(subject, ".")
	if len(p) != 6 || p[0] != string(n) || p[1] != "jobs" {
		return queue.Job{}, false
	}
	j := queue.Job{Arch: p[3], Kind: p[4], ID: p[5]}
	if p[2] == "h" {
		j.Priority = queue.High
	}
	return j, true
}

// consumer uses a separator that no capability can hold.
func consumer(c queue.Capability, priority int) string {
	return prio(priority) + "~" + c.Arch + "~" + c.Kind
}

func (n names) resultSubject(id string) string { return string(n) + ".results." + id }

func (n names) eventSubject(node, id string) string {
	return string(n) + ".events." + node + "." + id
}

func (n names) ctl(what string) string { return string(n) + ".ctl." + what }

// Hints from the master to nodes.
const (
	ctlWake   = "wake"
	ctlCancel = "cancel"
	ctlDrain  = "drain"
)

// masterTeller stands in event subjects where nodes have their ID; no ID looks
// like it.
const masterTeller = "=master="

func inboxPrefix(node string) string { return "_INBOX." + node }

const (
	infoKey   = "info."
	clockKey  = "clock." // written to read the server's time
	drainKey  = "drain."
	configKey = "config"
)
