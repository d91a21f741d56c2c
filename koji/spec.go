package koji

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// spec is one call and how its answer becomes an R. Client makes it at once, a
// Batch together with others.
type spec[R any] struct {
	method string
	args   []any    // positional
	named  Keywords // sent only if there are any
	// pin names the argument that takes the event of a snapshot, "" for none.
	pin    string
	out    any // pointer that the answer is read into
	finish func(error) (R, error)
}

// value is the call whose answer is the result.
func value[R any](method string, args ...any) spec[R] {
	return into(method, func(out *R) (R, error) { return *out, nil }, args...)
}

// into is the call whose answer is read into an A, which make turns into the
// result.
func into[A, R any](method string, make func(*A) (R, error), args ...any) spec[R] {
	out := new(A)
	return spec[R]{method: method, args: args, out: out, finish: func(err error) (R, error) {
		if err != nil {
			return *new(R), err
		}
		return make(out)
	}}
}

// one is the call whose answer is a struct, or nil if there is no such thing.
func one[R any](what, ref, method string, args ...any) spec[*R] {
	return into(method, func(out **R) (*R, error) {
		if *out == nil {
			return nil, &NotFoundError{What: what, Ref: ref}
		}
		return *out, nil
	}, args...).of(what, ref)
}

// with adds named arguments.
func (s spec[R]) with(k keywords) spec[R] {
	s.named = Keywords(k)
	return s
}

// pinned says that the call asks for the hub as it was at an event, which the
// snapshot gives unless the caller does.
func (s spec[R]) pinned(event int) spec[R] {
	s.named = maps.Clone(s.named)
	if s.named == nil {
		s.named = Keywords{}
	}
	if event != 0 {
		s.named["event"] = event
	}
	s.pin = "event"
	return s
}

// of makes faults that say "no such what" a *NotFoundError.
func (s spec[R]) of(what, ref string) spec[R] {
	finish := s.finish
	s.finish = func(err error) (R, error) { return finish(missing(err, what, ref)) }
	return s
}

// arguments are those of the call as they are sent, at an event if it is not 0.
func (s spec[R]) arguments(event int) []any {
	named := s.named
	if _, set := named[s.pin]; s.pin != "" && event != 0 && !set {
		named = maps.Clone(named)
		named[s.pin] = event
	}
	if len(named) == 0 {
		return s.args
	}
	return append(slices.Clip(s.args), named)
}

// call makes a call at once.
func call[R any](ctx context.Context, c *Client, s spec[R]) (R, error) {
	return s.finish(c.Call(ctx, s.method, s.arguments(c.event), s.out))
}

// missing turns the fault about a missing thing into *NotFoundError. Koji has
// no code of its own for it, only the text (kojihub.py: lookup_name, get_build).
func missing(err error, what, ref string) error {
	var fault *Fault
	if !errors.As(err, &fault) || fault.Code != codeGeneric {
		return err
	}
	for _, prefix := range []string{"No such ", "Invalid tagInfo: ", "No matching ", "query returned no rows", "no file "} {
		if strings.HasPrefix(fault.String, prefix) {
			return &NotFoundError{What: what, Ref: ref, Err: fault}
		}
	}
	return err
}

// keywords collects the named arguments that are set. Those that are not are
// left out, so that hubs which do not know them yet still answer.
type keywords Keywords

func (k keywords) text(name, v string) keywords {
	if v != "" {
		k[name] = v
	}
	return k
}

func (k keywords) number(name string, v int) keywords {
	if v != 0 {
		k[name] = v
	}
	return k
}

// on sends true; off is the hub's default.
func (k keywords) on(name string, v bool) keywords {
	if v {
		k[name] = true
	}
	return k
}

// off sends false where v is true; on is the hub's default.
func (k keywords) off(name string, v bool) keywords {
	if v {
		k[name] = false
	}
	return k
}

func (k keywords) flag(name string, v *bool) keywords {
	if v != nil {
		k[name] = *v
	}
	return k
}

func (k keywords) texts(name string, v []string) keywords {
	if len(v) > 0 {
		k[name] = v
	}
	return k
}

func (k keywords) moment(name string, t time.Time) keywords {
	if !t.IsZero() {
		k[name] = t
	}
	return k
}

func (k keywords) page(p Page) keywords {
	if opts := p.options(); len(opts) > 0 {
		k["queryOpts"] = opts
	}
	return k
}

// Page orders an answer and cuts a part out of it (the hub's queryOpts). The
// zero value takes all rows in no certain order.
type Page struct {
	// Order is a member of the rows to sort by, with - in front the other way
	// round; several are separated by commas: "-build_id", "name,id". A name that
	// the rows do not have is a *Fault of code 1.
	Order  string
	Limit  int // at most so many rows; 0 is all
	Offset int // rows to leave out; without Order that is of no use
}

func (p Page) options() map[string]any {
	return keywords{}.text("order", p.Order).number("limit", p.Limit).number("offset", p.Offset)
}

// counted makes the hub answer with the number of rows.
func counted(method string, args []any, k keywords) spec[int] {
	opts := map[string]any{"countOnly": true}
	k["queryOpts"] = opts
	return value[int](method, args...).with(k)
}
