package wire

import (
	"reflect"
	"time"
	"unicode/utf8"
)

// memberCost is what a member of a map costs in memory besides its value.
const memberCost = 64

// structure reads a struct behind its opening tag into whatever target is.
func (d *decoder) structure(target reflect.Value, empty bool) error {
	if !target.IsValid() {
		return d.members(empty, func([]byte) (reflect.Value, error) { return reflect.Value{}, nil }, nil)
	}
	target = deref(target)
	switch {
	case target.Kind() == reflect.Struct && target.Type() != reflect.TypeFor[time.Time]():
		target.SetZero()
		if empty {
			return nil
		}
		return d.intoStruct(target)
	case target.Kind() == reflect.Map && target.Type().Key().Kind() == reflect.String:
		target.Set(reflect.MakeMap(target.Type()))
		return d.intoMap(target, empty)
	case target.Kind() == reflect.Interface && target.NumMethod() == 0 && d.limits.Ordered:
		return d.intoOrdered(target, empty)
	case target.Kind() == reflect.Interface && target.NumMethod() == 0:
		m := reflect.ValueOf(map[string]any{})
		target.Set(m)
		return d.intoMap(m, empty)
	}
	d.misfit("struct", target.Type().String())
	return d.structure(reflect.Value{}, empty)
}

// intoStruct reads members into the fields of a struct.
func (d *decoder) intoStruct(target reflect.Value) error {
	p := d.plan(target.Type())
	prev := &p.first
	slot := func(name []byte) (reflect.Value, error) {
		f, ok := p.fields[string(name)]
		if !ok {
			return d.restSlot(p, name)
		}
		prev.next, prev = f, f
		return f.at(target), nil
	}
	var done func(string, reflect.Value)
	if p.rest != nil {
		done = func(name string, v reflect.Value) { keepRest(target.FieldByIndex(p.rest), p, name, v) }
	}
	for {
		f, ok, err := d.fastMember(target, p, prev)
		if err != nil {
			return err
		}
		if ok {
			prev = f
			continue
		}
		if more, err := d.slowMember(slot, done); err != nil || !more {
			return err
		}
	}
}

// restSlot is where the value of a member goes that no field is for.
func (d *decoder) restSlot(p *plan, name []byte) (reflect.Value, error) {
	if p.rest == nil {
		return reflect.Value{}, nil
	}
	return reflect.New(reflect.TypeFor[any]()).Elem(), d.spend(len(name) + memberCost)
}

// keepRest puts a member that no field is for into the map of the others.
func keepRest(rest reflect.Value, p *plan, name string, v reflect.Value) {
	if _, known := p.fields[name]; known || rest.Type() != reflect.TypeFor[map[string]any]() {
		return
	}
	if rest.IsNil() {
		rest.Set(reflect.ValueOf(map[string]any{}))
	}
	rest.SetMapIndex(reflect.ValueOf(name), v)
}

func (d *decoder) intoMap(m reflect.Value, empty bool) error {
	elem := m.Type().Elem()
	return d.members(
		empty,
		func(name []byte) (reflect.Value, error) {
			return reflect.New(elem).Elem(), d.spend(len(name) + memberCost + int(elem.Size()))
		},
		func(name string, v reflect.Value) {
			m.SetMapIndex(reflect.ValueOf(name).Convert(m.Type().Key()), v)
		},
	)
}

func (d *decoder) intoOrdered(target reflect.Value, empty bool) error {
	members := Struct{}
	err := d.members(
		empty,
		func(name []byte) (reflect.Value, error) {
			return reflect.New(reflect.TypeFor[any]()).Elem(), d.spend(len(name) + memberCost)
		},
		func(name string, v reflect.Value) {
			members = append(members, Member{Name: name, Value: v.Interface()})
		},
	)
	target.Set(reflect.ValueOf(members))
	return err
}

// members reads all members up to and with </struct>. slot returns where a
// member's value goes (invalid: nowhere); done, if any, is called once it is
// there.
func (d *decoder) members(empty bool, slot func([]byte) (reflect.Value, error), done func(string, reflect.Value)) error {
	for !empty {
		if more, err := d.slowMember(slot, done); err != nil || !more {
			return err
		}
	}
	return nil
}

// slowMember reads one member, however it is written. It reports false at the
// end of the struct.
func (d *decoder) slowMember(slot func([]byte) (reflect.Value, error), done func(string, reflect.Value)) (bool, error) {
	name, kind, err := d.next()
	if err != nil {
		return false, err
	}
	if kind == tagClose && name == "struct" {
		return false, nil
	}
	if kind != tagOpen || name != "member" {
		return false, d.s.syntax("<%s> instead of <member>", name)
	}
	return true, d.member(slot, done)
}

func (d *decoder) member(slot func([]byte) (reflect.Value, error), done func(string, reflect.Value)) error {
	name, kind, err := d.next()
	if err != nil {
		return err
	}
	if name != "name" || kind == tagClose {
		return d.s.syntax("<%s> instead of <name>", name)
	}
	var text []byte
	if kind == tagOpen {
		if text, err = d.chars(); err != nil {
			return err
		}
	}
	target, err := slot(text)
	if err != nil {
		return err
	}
	key, err := d.key(text)
	if err != nil {
		return err
	}
	d.path = append(d.path, step{name: key})
	defer func() { d.path = d.path[:len(d.path)-1] }()
	if kind == tagOpen {
		if err := d.close("name"); err != nil {
			return err
		}
	}
	name, kind, err = d.next()
	if err != nil {
		return err
	}
	switch {
	case name == "value" && kind == tagOpen:
		err = d.valueBody(target)
	case name == "value" && kind == tagEmpty:
		err = d.assign(target, scalar{kind: kindString})
	default:
		return d.s.syntax("<%s> instead of <value>", name)
	}
	if err != nil {
		return err
	}
	if done != nil && target.IsValid() {
		done(key, target)
	}
	return d.close("member")
}

// key returns the member name as a string shared by all members of that name.
func (d *decoder) key(text []byte) (string, error) {
	if s, ok := d.names[string(text)]; ok {
		return s, nil
	}
	if !utf8.Valid(text) {
		return "", d.s.syntax("a member name that is not UTF-8")
	}
	s := string(text)
	if len(d.names) < 4096 && len(s) <= 64 {
		d.names[s] = s
	}
	return s, nil
}
