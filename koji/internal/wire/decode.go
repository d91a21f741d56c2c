package wire

import (
	"bytes"
	"errors"
	"io"
	"reflect"

	"github.com/fedora-respin/respin/internal/limitio"
)

// DecodeResponse reads one methodResponse into out, a non-nil pointer, or nil
// to check the answer and drop it. A fault comes back as *Fault. For a
// multiCall, out is a *Multi.
func DecodeResponse(r io.Reader, limits Limits, out any) error {
	d := newDecoder(r, limits)
	if err := d.root("methodResponse"); err != nil {
		return err
	}
	name, err := d.openAny()
	if err != nil {
		return err
	}
	switch name {
	case "params":
		if err := d.wrapped("param", out); err != nil {
			return err
		}
	case "fault":
		if err := d.open("value"); err != nil {
			return err
		}
		fault := new(Fault)
		if err := d.valueBody(reflect.ValueOf(fault).Elem()); err != nil {
			return err
		}
		if err := d.close("fault"); err != nil {
			return err
		}
		if err := d.finish("methodResponse"); err != nil {
			return err
		}
		return fault
	default:
		return d.s.syntax("<%s> instead of <params> or <fault>", name)
	}
	if err := d.close("params"); err != nil {
		return err
	}
	if err := d.finish("methodResponse"); err != nil {
		return err
	}
	return d.takeMisfit()
}

// DecodeCall reads one methodCall.
func DecodeCall(r io.Reader, limits Limits) (Call, error) {
	var call Call
	d := newDecoder(r, limits)
	if err := d.root("methodCall"); err != nil {
		return call, err
	}
	if err := d.open("methodName"); err != nil {
		return call, err
	}
	name, err := d.chars()
	if err != nil {
		return call, err
	}
	call.Method = string(bytes.TrimSpace(name))
	if err := d.close("methodName"); err != nil {
		return call, err
	}
	tag, kind, err := d.next()
	if err != nil {
		return call, err
	}
	switch {
	case kind == tagOpen && tag == "params":
		if call.Params, err = d.params(); err != nil {
			return call, err
		}
	case kind == tagEmpty && tag == "params":
	case kind == tagClose && tag == "methodCall":
		return call, d.trailer()
	default:
		return call, d.s.syntax("<%s> instead of <params>", tag)
	}
	return call, d.finish("methodCall")
}

func (d *decoder) params() ([]any, error) {
	var params []any
	for {
		name, kind, err := d.next()
		if err != nil {
			return nil, err
		}
		if kind == tagClose && name == "params" {
			return params, nil
		}
		if kind != tagOpen || name != "param" {
			return nil, d.s.syntax("<%s> instead of <param>", name)
		}
		var v any
		if err := d.inner("param", reflect.ValueOf(&v).Elem()); err != nil {
			return nil, err
		}
		if err := d.spend(16); err != nil {
			return nil, err
		}
		params = append(params, v)
	}
}

// decoder reads values into Go values.
type decoder struct {
	s      *scanner
	limits Limits
	depth  int
	spent  int64
	path   []step
	// typeErr is the first value that did not fit.
	typeErr *TypeError
	buf     []byte // character data of the value at hand
	plans   map[reflect.Type]*plan
	names   map[string]string // member names seen, so that maps share them
	arena   arena
}

func newDecoder(r io.Reader, limits Limits) *decoder {
	limits = limits.withDefaults()
	return &decoder{
		s: newScanner(limitio.Reader(r, limits.MaxBytes, "the XML-RPC message")), limits: limits,
		plans: map[reflect.Type]*plan{}, names: map[string]string{},
	}
}

// spend counts n bytes of decoded values against the limit.
func (d *decoder) spend(n int) error {
	d.spent += int64(n)
	if d.spent > d.limits.MaxMemory {
		return &LimitError{What: "memory", Limit: d.limits.MaxMemory}
	}
	return nil
}

// next reads the next tag; only white space may stand before it.
func (d *decoder) next() (string, tagKind, error) {
	text, err := d.chars()
	if err != nil {
		return "", 0, err
	}
	if !blank(text) {
		return "", 0, d.s.syntax("text %q between tags", clip(text))
	}
	return d.tag()
}

// chars reads character data up to the next tag into the decoder's buffer.
func (d *decoder) chars() ([]byte, error) {
	text, err := d.s.text(d.buf[:0])
	if cap(text) > cap(d.buf) {
		d.buf = text
	}
	if err != nil {
		return nil, d.s.truncated(err)
	}
	return text, nil
}

func (d *decoder) tag() (string, tagKind, error) {
	name, kind, err := d.s.tag()
	if err != nil {
		return "", 0, err
	}
	return intern(name), kind, nil
}

// intern returns the element names of XML-RPC without allocating.
func intern(name []byte) string {
	switch string(name) {
	case "value":
		return "value"
	case "member":
		return "member"
	case "name":
		return "name"
	case "string":
		return "string"
	case "int":
		return "int"
	case "nil":
		return "nil"
	case "boolean":
		return "boolean"
	case "double":
		return "double"
	case "struct":
		return "struct"
	case "array":
		return "array"
	case "data":
		return "data"
	case "i8":
		return "i8"
	case "i4":
		return "i4"
	}
	return string(name)
}

// root reads the opening tag of the message, behind a byte order mark if any.
func (d *decoder) root(want string) error {
	const mark = "\ufeff"
	if err := d.s.ensure(len(mark)); err != nil {
		return err
	}
	if d.s.has(mark) {
		d.s.pos += len(mark)
	}
	return d.open(want)
}

func (d *decoder) open(want string) error {
	name, err := d.openAny()
	if err == nil && name != want {
		return d.s.syntax("<%s> instead of <%s>", name, want)
	}
	return err
}

func (d *decoder) openAny() (string, error) {
	name, kind, err := d.next()
	if err != nil {
		return "", err
	}
	if kind != tagOpen {
		return "", d.s.syntax("<%s> does not open an element here", name)
	}
	return name, nil
}

func (d *decoder) close(want string) error {
	name, kind, err := d.next()
	if err != nil {
		return err
	}
	if kind != tagClose || name != want {
		return d.s.syntax("<%s> instead of </%s>", name, want)
	}
	return nil
}

// wrapped reads <element><value>...</value></element> into out.
func (d *decoder) wrapped(element string, out any) error {
	if err := d.open(element); err != nil {
		return err
	}
	if m, ok := out.(*Multi); ok {
		if err := d.open("value"); err != nil {
			return err
		}
		if err := d.multi(m); err != nil {
			return err
		}
		return d.close(element)
	}
	var target reflect.Value
	if out != nil {
		target = reflect.ValueOf(out)
		if target.Kind() != reflect.Pointer || target.IsNil() {
			return &TypeError{Got: "value", Want: target.Type().String() + ", which is no pointer"}
		}
		target = target.Elem()
	}
	return d.inner(element, target)
}

// inner reads <value>...</value></element>, element being open.
func (d *decoder) inner(element string, target reflect.Value) error {
	name, kind, err := d.next()
	if err != nil {
		return err
	}
	if name != "value" || kind == tagClose {
		return d.s.syntax("<%s> instead of <value>", name)
	}
	if kind == tagEmpty {
		err = d.assign(target, scalar{kind: kindString})
	} else {
		err = d.valueBody(target)
	}
	if err != nil {
		return err
	}
	return d.close(element)
}

// finish reads the closing tag of the root and what may follow it.
func (d *decoder) finish(root string) error {
	if err := d.close(root); err != nil {
		return err
	}
	return d.trailer()
}

func (d *decoder) trailer() error {
	text, err := d.s.text(d.buf[:0])
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err == nil || !blank(text) {
		return d.s.syntax("more text after the end of the message")
	}
	return nil
}

func blank(text []byte) bool { return len(bytes.TrimLeft(text, " \t\r\n")) == 0 }

func clip(text []byte) string {
	text = bytes.TrimSpace(text)
	if len(text) > 40 {
		text = text[:40]
	}
	return string(text)
}
