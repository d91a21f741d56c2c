package wire

import (
	"reflect"
	"slices"
	"strings"
	"time"
)

// op is how a scalar gets into a field, decided once for each type.
type op int

const (
	opOther op = iota // by assign
	opString
	opInt
	opBool
	opFloat
	opTime
)

// plan says which field of a struct takes which member. It lives as long as
// the decoder.
type plan struct {
	fields map[string]*field
	first  field // whose next is the member that structs of this type begin with
	rest   []int // index of the field that takes the members of no other, or nil
}

// field is one member of a struct type.
type field struct {
	name     string
	index    []int
	fallback bool // taken only while the field is still zero
	op       op
	pointer  reflect.Type // what the field points to, nil if it is no pointer
	// next is the member that followed last time: a hub writes all structs of an
	// answer in the same order.
	next   *field
	intern interner
}

// at returns the field inside a struct, invalid if it is not to be written.
func (f *field) at(target reflect.Value) reflect.Value {
	v := target
	for _, i := range f.index {
		v = v.Field(i)
	}
	if f.fallback && !v.IsZero() {
		return reflect.Value{}
	}
	return v
}

// plan returns the plan of a struct type.
func (d *decoder) plan(t reflect.Type) *plan {
	if p, ok := d.plans[t]; ok {
		return p
	}
	p := &plan{fields: map[string]*field{}}
	for _, f := range reflect.VisibleFields(t) {
		tag, ok := f.Tag.Lookup("koji")
		if !ok {
			continue
		}
		names := strings.Split(tag, ",")
		if len(names) == 2 && names[0] == "" && names[1] == "rest" {
			p.rest = f.Index
			continue
		}
		for i, name := range names {
			if old, ok := p.fields[name]; ok && len(old.index) < len(f.Index) {
				continue // the outer field hides that of an embedded struct
			}
			member := &field{name: name, index: slices.Clone(f.Index), fallback: i > 0, op: opOf(f.Type)}
			if f.Type.Kind() == reflect.Pointer && member.op != opOther {
				member.pointer = f.Type.Elem()
			}
			p.fields[name] = member
		}
	}
	d.plans[t] = p
	return p
}

func opOf(t reflect.Type) op {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return opString
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return opInt
	case reflect.Bool:
		return opBool
	case reflect.Float32, reflect.Float64:
		return opFloat
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return opTime
		}
	default:
	}
	return opOther
}

const (
	internSlots  = 256
	internLength = 40   // longer texts are unlikely to come twice
	internTrial  = 2048 // texts after which a field of too many different ones gives up
)

// interner lets equal texts of one member share their memory. Versions, arches
// and owners repeat from row to row; hashes never do, and cost nothing after
// the trial.
type interner struct {
	slots      *[internSlots]string
	tries, hit int
}

// text returns v as a string that outlives the buffer it stands in.
func (d *decoder) text(in *interner, v []byte) string {
	if len(v) == 0 {
		return ""
	}
	if len(v) > internLength || in.tries >= internTrial && in.hit < in.tries/4 {
		return d.arena.text(v)
	}
	if in.slots == nil {
		in.slots = new([internSlots]string)
	}
	hash := uint32(2166136261) // FNV-1a
	for _, c := range v {
		hash = (hash ^ uint32(c)) * 16777619
	}
	slot := &in.slots[(hash^hash>>16)%internSlots]
	in.tries++
	if *slot == string(v) {
		in.hit++
		return *slot
	}
	*slot = d.arena.text(v)
	return *slot
}

const (
	minArena = 256
	maxArena = 16 << 10
)

// arena cuts strings out of larger pieces of memory, which spares an allocation
// for each. A piece lives as long as one of its strings, so pieces are small.
type arena struct {
	piece strings.Builder
	size  int
}

func (a *arena) text(v []byte) string {
	if len(v) >= maxArena/8 {
		return string(v)
	}
	if a.piece.Cap()-a.piece.Len() < len(v) {
		a.size = min(max(2*a.size, minArena), maxArena)
		a.piece = strings.Builder{}
		a.piece.Grow(max(a.size, len(v)))
	}
	start := a.piece.Len()
	a.piece.Write(v) // into what Grow has set aside; what stands there is not touched
	return a.piece.String()[start:]
}
