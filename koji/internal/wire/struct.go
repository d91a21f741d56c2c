package wire

import (
	"reflect"
	"time"
	"unicode/utf8"
)

// memberCost is what a member of a map costs in memory besides its value.
const memberCost = 64

// sink takes the members of one struct.
type sink struct {
	// slot returns where the member's value goes (invalid: nowhere).
	slot func(name []byte) (reflect.Value, error)
	// done is called once the value is there.
	done func(name string, v reflect.Value)
	end  func()
}

func (d *decoder) structure(target reflect.Value, empty bool) error {
	out := d.sink(target)
	for !empty {
		name, kind, err := d.next()
		if err != nil {
			return err
		}
		if kind == tagClose && name == "struct" {
			break
		}
		if kind != tagOpen || name != "member" {
			return d.s.syntax("<%s> instead of <member>", name)
		}
		if err := d.member(out); err != nil {
			return err
		}
	}
	out.end()
	return nil
}

func (d *decoder) member(out sink) error {
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
	slot, err := out.slot(text)
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
		err = d.valueBody(slot)
	case name == "value" && kind == tagEmpty:
		err = d.assign(slot, scalar{kind: kindString})
	default:
		return d.s.syntax("<%s> instead of <value>", name)
	}
	if err != nil {
		return err
	}
	if out.done != nil {
		out.done(key, slot)
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

// sink prepares target for the members of a struct.
func (d *decoder) sink(target reflect.Value) sink {
	skip := sink{slot: func([]byte) (reflect.Value, error) { return reflect.Value{}, nil }, end: func() {}}
	if !target.IsValid() {
		return skip
	}
	target = deref(target)
	switch {
	case target.Kind() == reflect.Struct && target.Type() != reflect.TypeFor[time.Time]():
		target.SetZero()
		return d.structSink(target)
	case target.Kind() == reflect.Map && target.Type().Key().Kind() == reflect.String:
		target.Set(reflect.MakeMap(target.Type()))
		return d.mapSink(target)
	case target.Kind() == reflect.Interface && target.NumMethod() == 0 && d.limits.Ordered:
		return d.orderedSink(target)
	case target.Kind() == reflect.Interface && target.NumMethod() == 0:
		m := reflect.ValueOf(map[string]any{})
		target.Set(m)
		return d.mapSink(m)
	}
	d.misfit("struct", target.Type().String())
	return skip
}

func (d *decoder) structSink(target reflect.Value) sink {
	plan := d.plan(target.Type())
	return sink{
		slot: func(name []byte) (reflect.Value, error) {
			f, ok := plan.fields[string(name)]
			if !ok {
				return reflect.Value{}, nil
			}
			v := target.FieldByIndex(f.index)
			if f.fallback && !v.IsZero() {
				return reflect.Value{}, nil
			}
			return v, nil
		},
		end: func() {},
	}
}

func (d *decoder) mapSink(m reflect.Value) sink {
	elem := m.Type().Elem()
	return sink{
		slot: func(name []byte) (reflect.Value, error) {
			return reflect.New(elem).Elem(), d.spend(len(name) + memberCost + int(elem.Size()))
		},
		done: func(name string, v reflect.Value) {
			m.SetMapIndex(reflect.ValueOf(name).Convert(m.Type().Key()), v)
		},
		end: func() {},
	}
}

func (d *decoder) orderedSink(target reflect.Value) sink {
	members := Struct{}
	return sink{
		slot: func(name []byte) (reflect.Value, error) {
			return reflect.New(reflect.TypeFor[any]()).Elem(), d.spend(len(name) + memberCost)
		},
		done: func(name string, v reflect.Value) {
			members = append(members, Member{Name: name, Value: v.Interface()})
		},
		end: func() { target.Set(reflect.ValueOf(members)) },
	}
}
