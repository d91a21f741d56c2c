package wire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

const prolog = "<?xml version='1.0'?>\n"

// EncodeResponse writes v as Python's xmlrpc.client of a Koji hub does: single
// quotes in the prolog, no encoding, a line break after every value but nil.
// v is made of nil, bool, int, int64, float64, string, []byte, time.Time,
// []any, []string, []int, Struct and map[string]any (written in order of names).
func EncodeResponse(w io.Writer, v any) error {
	e := new(encoder)
	e.text(prolog + "<methodResponse>\n<params>\n<param>\n")
	if err := e.value(v); err != nil {
		return err
	}
	e.text("</param>\n</params>\n</methodResponse>\n")
	_, err := w.Write(e.buf.Bytes())
	return err
}

// EncodeRequest writes a call as Python's xmlrpc.client does, which is how a hub
// stores the requests of tasks.
func EncodeRequest(w io.Writer, method string, params []any) error {
	e := new(encoder)
	e.text(prolog + "<methodCall>\n<methodName>" + escape(method) + "</methodName>\n<params>\n")
	for _, p := range params {
		e.text("<param>\n")
		if err := e.value(p); err != nil {
			return err
		}
		e.text("</param>\n")
	}
	e.text("</params>\n</methodCall>\n")
	_, err := w.Write(e.buf.Bytes())
	return err
}

// EncodeFault writes a fault.
func EncodeFault(w io.Writer, code int, text string) error {
	e := new(encoder)
	e.text(prolog + "<methodResponse>\n<fault>\n")
	if err := e.value(Struct{{"faultCode", code}, {"faultString", text}}); err != nil {
		return err
	}
	e.text("</fault>\n</methodResponse>\n")
	_, err := w.Write(e.buf.Bytes())
	return err
}

// encoder writes into memory, which cannot fail.
type encoder struct{ buf bytes.Buffer }

func (e *encoder) text(s string) { e.buf.WriteString(s) }

func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case nil:
		e.text("<value><nil/></value>")
	case bool:
		e.scalar("boolean", map[bool]string{false: "0", true: "1"}[v])
	case int:
		e.integer(int64(v))
	case int64:
		e.integer(v)
	case *big.Int:
		return errors.New("encode XML-RPC: an integer of more than 64 bits")
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("encode XML-RPC: a float that is no number")
		}
		e.scalar("double", pythonRepr(v))
	case string:
		e.scalar("string", escape(v))
	case time.Time:
		e.scalar("dateTime.iso8601", v.Format("20060102T15:04:05"))
	case []byte:
		e.text("<value><base64>\n" + pythonBase64(v) + "</base64></value>\n")
	case []any:
		return array(e, v)
	case []string:
		return array(e, v)
	case []int:
		return array(e, v)
	case Struct:
		return e.structure(v)
	case map[string]any:
		var s Struct
		for name, item := range v {
			s = append(s, Member{name, item})
		}
		slices.SortFunc(s, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
		return e.structure(s)
	default:
		return fmt.Errorf("encode XML-RPC: no such type there: %T", v)
	}
	return nil
}

func (e *encoder) scalar(kind, text string) {
	e.text("<value><" + kind + ">" + text + "</" + kind + "></value>\n")
}

func (e *encoder) integer(n int64) {
	kind := "int"
	if n > math.MaxInt32 || n < math.MinInt32 {
		kind = "i8"
	}
	e.scalar(kind, strconv.FormatInt(n, 10))
}

func array[T any](e *encoder, list []T) error {
	e.text("<value><array><data>\n")
	for _, item := range list {
		if err := e.value(item); err != nil {
			return err
		}
	}
	e.text("</data></array></value>\n")
	return nil
}

func (e *encoder) structure(s Struct) error {
	e.text("<value><struct>\n")
	for _, m := range s {
		e.text("<member>\n<name>" + escape(m.Name) + "</name>\n")
		if err := e.value(m.Value); err != nil {
			return err
		}
		e.text("</member>\n")
	}
	e.text("</struct></value>\n")
	return nil
}

// escape replaces what Python's xmlrpc.client.escape does, and no more.
func escape(s string) string {
	if !strings.ContainsAny(s, "&<>") {
		return s
	}
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// pythonRepr writes a float as Python's repr: shortest form that reads back,
// always with a point or an exponent.
func pythonRepr(f float64) string {
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// pythonBase64 breaks lines after 76 characters as base64.encodebytes does.
func pythonBase64(raw []byte) string {
	var b strings.Builder
	for chunk := range slices.Chunk(raw, 57) {
		b.WriteString(base64.StdEncoding.EncodeToString(chunk) + "\n")
	}
	return b.String()
}
