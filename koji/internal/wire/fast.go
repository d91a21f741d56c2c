package wire

import (
	"bytes"
	"reflect"
	"strconv"
	"time"
)

// What Python's xmlrpc.client puts around the parts of a member.
const (
	memberHead = "<member>\n<name>"
	memberMid  = "</name>\n<value><"
	memberNil  = "nil/></value></member>\n"

	// lookahead is how much of the answer the short way wants to see at once. A
	// member that does not fit goes the long way.
	lookahead = 1 << 10
)

// fastMember reads one whole member of a struct if it is a scalar, written
// exactly as every hub writes it, into a known field: most of any answer. It
// compares instead of taking tags apart. Where it reports false it has read
// nothing, and the member goes the long way, which knows all of XML-RPC. prev
// is the member before.
func (d *decoder) fastMember(target reflect.Value, p *plan, prev *field) (*field, bool, error) {
	s := d.s
	if s.end-s.pos < lookahead {
		_ = s.fill() // an error or the end comes up where the bytes are missed
	}
	if s.pos < s.end && s.buf[s.pos] == '\n' { // behind <struct>, and behind a member read the long way
		s.pos++
	}
	b := s.buf[s.pos:s.end]
	if len(b) < len(memberHead)+len(memberMid) || string(b[:len(memberHead)]) != memberHead {
		return nil, false, nil
	}
	at := len(memberHead)
	f := prev.next
	if f == nil || !hasAt(b, at, f.name) || !hasAt(b, at+len(f.name), memberMid) {
		end := bytes.IndexByte(b[at:], '<')
		if end < 0 {
			return nil, false, nil
		}
		if f = p.fields[string(b[at:at+end])]; f == nil || !hasAt(b, at+end, memberMid) {
			return nil, false, nil
		}
		prev.next = f
	}
	at += len(f.name) + len(memberMid)
	value, size, ok := fastScalar(b[at:])
	if !ok {
		return nil, false, nil
	}
	s.pos += at + size
	return f, true, d.put(f, f.at(target), value)
}

func hasAt(b []byte, at int, text string) bool {
	return len(b)-at >= len(text) && string(b[at:at+len(text)]) == text
}

// fastScalar reads TYPE>TEXT</TYPE></value>\n</member>\n and returns how long it
// is. Numbers stay text: the field knows what they must be.
func fastScalar(b []byte) (scalar, int, bool) {
	if hasAt(b, 0, memberNil) {
		return scalar{kind: kindNil}, len(memberNil), true
	}
	var kind kind
	var head, tail string
	switch {
	case hasAt(b, 0, "string>"):
		kind, head, tail = kindString, "string>", "</string></value>\n</member>\n"
	case hasAt(b, 0, "int>"):
		kind, head, tail = kindInt, "int>", "</int></value>\n</member>\n"
	case hasAt(b, 0, "i8>"):
		kind, head, tail = kindInt, "i8>", "</i8></value>\n</member>\n"
	case hasAt(b, 0, "boolean>"):
		kind, head, tail = kindBool, "boolean>", "</boolean></value>\n</member>\n"
	case hasAt(b, 0, "double>"):
		kind, head, tail = kindDouble, "double>", "</double></value>\n</member>\n"
	default:
		return scalar{}, 0, false
	}
	text, ok := plainText(b[len(head):])
	if !ok || !hasAt(b, len(head)+len(text), tail) {
		return scalar{}, 0, false
	}
	value := scalar{kind: kind, text: text}
	switch kind {
	case kindInt:
		value.i, ok = digits(text)
	case kindBool:
		ok = len(text) == 1 && (text[0] == '0' || text[0] == '1')
		if ok {
			value.i = int64(text[0] - '0')
		}
	case kindDouble:
		var err error
		value.f, err = strconv.ParseFloat(string(text), 64)
		ok = err == nil
	default:
	}
	return value, len(head) + len(text) + len(tail), ok
}

// plainText returns what stands before the next tag if it is ASCII that means
// itself.
func plainText(b []byte) ([]byte, bool) {
	for i, c := range b {
		switch {
		case c == '<':
			return b[:i], true
		case c == '&' || c == '\r' || c >= 0x80:
			return nil, false
		}
	}
	return nil, false
}

// digits reads an integer that surely fits; others go the long way.
func digits(text []byte) (int64, bool) {
	negative := len(text) > 0 && text[0] == '-'
	if negative {
		text = text[1:]
	}
	if len(text) == 0 || len(text) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// put writes a scalar into the field of a struct.
func (d *decoder) put(f *field, slot reflect.Value, v scalar) error {
	if !slot.IsValid() {
		return nil
	}
	if v.kind == kindNil {
		slot.SetZero()
		return nil
	}
	fits := false
	switch f.op {
	case opString:
		fits = v.kind == kindString
	case opInt:
		fits = v.kind == kindInt
	case opBool:
		fits = v.kind == kindBool
	case opFloat:
		fits = v.kind == kindDouble
	case opTime:
		fits = v.kind == kindDouble || v.kind == kindInt
	default:
	}
	if !fits {
		return d.assignAs(f.name, slot, v)
	}
	if f.pointer != nil {
		target := reflect.New(f.pointer)
		slot.Set(target)
		slot = target.Elem()
	}
	switch f.op {
	case opString:
		if err := d.spend(len(v.text)); err != nil {
			return err
		}
		slot.SetString(d.text(&f.intern, v.text))
	case opInt:
		if slot.OverflowInt(v.i) {
			return d.assignAs(f.name, slot, v)
		}
		slot.SetInt(v.i)
	case opBool:
		slot.SetBool(v.i != 0)
	case opFloat:
		slot.SetFloat(v.f)
	default:
		return d.putTime(f.name, slot, v)
	}
	return nil
}

func (d *decoder) putTime(name string, slot reflect.Value, v scalar) error {
	t, ok := v.instant()
	if !ok {
		return d.assignAs(name, slot, v)
	}
	if target, ok := reflect.TypeAssert[*time.Time](slot.Addr()); ok {
		*target = t
	}
	return nil
}

// assignAs is assign with the member's name in the path of an error.
func (d *decoder) assignAs(name string, slot reflect.Value, v scalar) error {
	d.path = append(d.path, step{name: name})
	err := d.assign(slot, v)
	d.path = d.path[:len(d.path)-1]
	return err
}
