package wire

import (
	"bytes"
	"encoding/base64"
	"math/big"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

type kind int

const (
	kindNil kind = iota
	kindBool
	kindInt
	kindBig
	kindDouble
	kindString
	kindBytes
	kindTime
)

func (k kind) String() string {
	return [...]string{"nil", "boolean", "int", "biginteger", "double", "string", "base64", "dateTime"}[k]
}

// scalar is a value without parts. text is valid until the next read.
type scalar struct {
	kind kind
	i    int64 // and boolean
	f    float64
	big  *big.Int
	text []byte
	time time.Time
}

// valueBody reads a value whose <value> is open, up to and with </value>. An
// invalid target skips it, checking its syntax all the same.
func (d *decoder) valueBody(target reflect.Value) error {
	text, err := d.chars()
	if err != nil {
		return err
	}
	name, kind, err := d.tag()
	if err != nil {
		return err
	}
	if kind == tagClose {
		if name != "value" {
			return d.s.syntax("</%s> instead of </value>", name)
		}
		if !utf8.Valid(text) {
			return d.s.syntax("a string that is not UTF-8")
		}
		return d.assign(target, scalar{kind: kindString, text: text}) // untyped: a string
	}
	if !blank(text) {
		return d.s.syntax("text %q before <%s>", clip(text), name)
	}
	if err := d.typed(name, kind == tagEmpty, target); err != nil {
		return err
	}
	return d.close("value")
}

// typed reads a value whose type tag has been read, up to its closing tag.
func (d *decoder) typed(name string, empty bool, target reflect.Value) error {
	switch name {
	case "array":
		return d.nested(func() error { return d.array(target, empty) })
	case "struct":
		return d.nested(func() error { return d.structure(target, empty) })
	}
	var text []byte
	var err error
	if !empty {
		if text, err = d.chars(); err != nil {
			return err
		}
	}
	value, err := d.scalar(name, text)
	if err != nil {
		return err
	}
	// The target takes its copy before the closing tag overwrites the text.
	if err := d.assign(target, value); err != nil {
		return err
	}
	if empty {
		return nil
	}
	closing, kind, err := d.tag()
	if err != nil {
		return err
	}
	if kind != tagClose || closing != name {
		return d.s.syntax("<%s> instead of </%s>", closing, name)
	}
	return nil
}

func (d *decoder) nested(read func() error) error {
	d.depth++
	if d.depth > d.limits.MaxDepth {
		return &LimitError{What: "depth", Limit: int64(d.limits.MaxDepth)}
	}
	err := read()
	d.depth--
	return err
}

func (d *decoder) scalar(name string, text []byte) (scalar, error) {
	switch name {
	case "nil":
		if !blank(text) {
			return scalar{}, d.s.syntax("text %q in <nil>", clip(text))
		}
		return scalar{kind: kindNil}, nil
	case "string":
		if !utf8.Valid(text) {
			return scalar{}, d.s.syntax("a string that is not UTF-8")
		}
		return scalar{kind: kindString, text: text}, nil
	}
	text = bytes.TrimSpace(text)
	switch name {
	case "int", "i4", "i8", "i1", "i2", "biginteger":
		return d.integer(name, text)
	case "boolean":
		if len(text) == 1 && (text[0] == '0' || text[0] == '1') {
			return scalar{kind: kindBool, i: int64(text[0] - '0')}, nil
		}
	case "double", "float":
		if f, err := strconv.ParseFloat(string(text), 64); err == nil {
			return scalar{kind: kindDouble, f: f}, nil
		}
	case "base64":
		if raw, err := base64.StdEncoding.AppendDecode(nil, bytes.Join(bytes.Fields(text), nil)); err == nil {
			return scalar{kind: kindBytes, text: raw}, nil
		}
	case "dateTime.iso8601":
		if t, ok := parseTime(string(text)); ok {
			return scalar{kind: kindTime, time: t}, nil
		}
	default:
		return scalar{}, d.s.syntax("unknown type <%s>", clip([]byte(name)))
	}
	return scalar{}, d.s.syntax("%q is no %s", clip(text), name)
}

func (d *decoder) integer(name string, text []byte) (scalar, error) {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return scalar{kind: kindInt, i: n}, nil
	}
	if len(text) <= 400 { // Python's own limit of such conversions is far above what a hub sends
		if n, ok := new(big.Int).SetString(string(text), 10); ok {
			return scalar{kind: kindBig, big: n}, nil
		}
	}
	return scalar{}, d.s.syntax("%q is no %s", clip(text), name)
}

// parseTime reads the date forms of Koji: isoformat(' ') with and without
// fraction and zone (hubs before 1.22 had none: UTC), and XML-RPC's own.
func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{
		"2006-01-02 15:04:05.999999999-07:00", "2006-01-02 15:04:05.999999999",
		"20060102T15:04:05", "2006-01-02T15:04:05.999999999Z07:00",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
