package wire

import (
	"reflect"
)

// Tuple is a target for an array whose values differ in type: pointers to where
// the first, second, ... go. Further values are dropped.
type Tuple []any

// Each is a target for an array that is too long to hold: every element is
// given away as soon as it is complete. What New returned is not used again.
type Each struct {
	New func() any   // returns where the next element goes, a pointer
	Got func() error // is called with that element complete; its error ends the reading
}

// elements takes the elements of one array.
type elements interface {
	// next returns where the n-th element goes, invalid for nowhere.
	next(d *decoder, n int) (reflect.Value, error)
	// got is called once it is there.
	got(d *decoder) error
	end()
}

func (d *decoder) array(target reflect.Value, empty bool) error {
	list := d.elements(target)
	if empty {
		list.end()
		return nil
	}
	name, tag, err := d.next()
	if err != nil {
		return err
	}
	switch {
	case name == "data" && tag == tagEmpty:
		list.end()
		return d.close("array")
	case name != "data" || tag != tagOpen:
		return d.s.syntax("<%s> instead of <data>", name)
	}
	for n := 0; ; n++ {
		name, tag, err := d.next()
		if err != nil {
			return err
		}
		if tag == tagClose && name == "data" {
			break
		}
		if name != "value" {
			return d.s.syntax("<%s> instead of <value>", name)
		}
		if err := d.element(list, n, tag); err != nil {
			return err
		}
	}
	list.end()
	return d.close("array")
}

// element reads the n-th value of an array behind its opening tag.
func (d *decoder) element(list elements, n int, tag tagKind) error {
	item, err := list.next(d, n)
	if err != nil {
		return err
	}
	d.path = append(d.path, step{index: n})
	if tag == tagEmpty {
		err = d.assign(item, scalar{kind: kindString})
	} else {
		err = d.valueBody(item)
	}
	d.path = d.path[:len(d.path)-1]
	if err != nil {
		return err
	}
	return list.got(d)
}

// elements chooses how the elements of an array get into target.
func (d *decoder) elements(target reflect.Value) elements {
	if !target.IsValid() {
		return nowhere{}
	}
	target = deref(target)
	switch {
	case target.Type() == reflect.TypeFor[Tuple]():
		tuple, _ := reflect.TypeAssert[Tuple](target)
		return tupleElements(tuple)
	case target.Type() == reflect.TypeFor[Each]():
		each, _ := reflect.TypeAssert[Each](target)
		return &eachElement{Each: each}
	case target.Kind() == reflect.Slice && target.Type().Elem().Kind() != reflect.Uint8:
		return &sliceElements{target: target, typ: target.Type()}
	case target.Kind() == reflect.Interface && target.NumMethod() == 0:
		return &sliceElements{target: target, typ: reflect.TypeFor[[]any]()}
	}
	d.misfit("array", target.Type().String())
	return nowhere{}
}

type nowhere struct{}

func (nowhere) next(*decoder, int) (reflect.Value, error) { return reflect.Value{}, nil }
func (nowhere) got(*decoder) error                        { return nil }
func (nowhere) end()                                      {}

type tupleElements Tuple

func (t tupleElements) next(_ *decoder, n int) (reflect.Value, error) {
	if n >= len(t) || t[n] == nil {
		return reflect.Value{}, nil
	}
	return reflect.ValueOf(t[n]).Elem(), nil
}
func (tupleElements) got(*decoder) error { return nil }
func (tupleElements) end()               {}

type eachElement struct {
	Each
	spent int64 // of the decoder before the element
}

func (e *eachElement) next(d *decoder, _ int) (reflect.Value, error) {
	e.spent = d.spent
	return reflect.ValueOf(e.New()).Elem(), nil
}

func (e *eachElement) got(d *decoder) error {
	if err := d.takeMisfit(); err != nil {
		return err
	}
	d.spent = e.spent // it is not held here any more
	return e.Got()
}

func (*eachElement) end() {}

const (
	minPiece = 4
	maxPiece = 2048
)

// sliceElements collects in pieces and puts them together at the end. Growing
// one slice would allocate several times what a long answer needs.
type sliceElements struct {
	target reflect.Value
	typ    reflect.Type
	full   []reflect.Value
	piece  reflect.Value
	used   int // of piece
	total  int
}

func (s *sliceElements) next(d *decoder, _ int) (reflect.Value, error) {
	if err := d.spend(int(s.typ.Elem().Size())); err != nil {
		return reflect.Value{}, err
	}
	if !s.piece.IsValid() || s.used == s.piece.Len() {
		size := minPiece
		if s.piece.IsValid() {
			s.full = append(s.full, s.piece)
			size = min(2*s.used, maxPiece)
		}
		s.piece, s.used = reflect.MakeSlice(s.typ, size, size), 0
	}
	s.used++
	s.total++
	return s.piece.Index(s.used - 1), nil
}

func (*sliceElements) got(*decoder) error { return nil }

// end gives the target its slice, an empty one and not nil for an empty array.
func (s *sliceElements) end() {
	switch {
	case s.total == 0:
		s.target.Set(reflect.MakeSlice(s.typ, 0, 0))
		return
	case len(s.full) == 0:
		s.target.Set(s.piece.Slice3(0, s.used, s.used))
		return
	}
	all := reflect.MakeSlice(s.typ, s.total, s.total)
	at := 0
	for _, piece := range append(s.full, s.piece.Slice(0, s.used)) {
		at += reflect.Copy(all.Slice(at, s.total), piece)
	}
	s.target.Set(all)
}
