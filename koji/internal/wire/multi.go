package wire

import "reflect"

// Multi takes the answer of a multiCall: the n-th result goes into Outs[n] (a
// pointer, or nil to drop it), the n-th failure into Errs[n] as *Fault, or as
// *TypeError when the result does not fit.
type Multi struct {
	Outs []any
	Errs []error // made by DecodeResponse, as long as Outs
}

// multi reads the array of results behind its <value>.
func (d *decoder) multi(m *Multi) error {
	m.Errs = make([]error, len(m.Outs))
	if err := d.open("array"); err != nil {
		return err
	}
	if err := d.open("data"); err != nil {
		return err
	}
	n := 0
	for ; ; n++ {
		name, kind, err := d.next()
		if err != nil {
			return err
		}
		if kind == tagClose && name == "data" {
			break
		}
		if kind != tagOpen || name != "value" {
			return d.s.syntax("<%s> instead of <value>", name)
		}
		if n >= len(m.Outs) {
			return d.s.syntax("more results than the %d calls", len(m.Outs))
		}
		if err := d.multiItem(m, n); err != nil {
			return err
		}
		if err := d.takeMisfit(); err != nil {
			m.Errs[n] = err
		}
	}
	if n != len(m.Outs) {
		return d.s.syntax("%d results for %d calls", n, len(m.Outs))
	}
	if err := d.close("array"); err != nil {
		return err
	}
	return d.close("value")
}

// multiItem reads one result: an array of one value, or a fault's struct.
func (d *decoder) multiItem(m *Multi, n int) error {
	name, err := d.openAny()
	if err != nil {
		return err
	}
	switch name {
	case "array":
		if err := d.open("data"); err != nil {
			return err
		}
		var target reflect.Value
		if m.Outs[n] != nil {
			target = reflect.ValueOf(m.Outs[n]).Elem()
		}
		if err := d.inner("data", target); err != nil {
			return err
		}
		if err := d.close("array"); err != nil {
			return err
		}
	case "struct":
		fault := new(Fault)
		if err := d.structure(reflect.ValueOf(fault).Elem(), false); err != nil {
			return err
		}
		m.Errs[n] = fault
	default:
		return d.s.syntax("<%s> instead of a result or a fault", name)
	}
	return d.close("value")
}
