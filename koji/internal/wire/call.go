package wire

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kolo/xmlrpc"
)

// maxArgDepth bounds arguments inside each other; it also ends cycles.
const maxArgDepth = 32

// Keywords are named arguments. They travel as a last positional struct with
// the member __starstar (koji.encode_args).
type Keywords map[string]any

// EncodeCall writes a methodCall. Arguments are nil, booleans, integers,
// floats, strings, []byte (base64), time.Time (seconds since 1970, which every
// time argument of Koji takes), slices, maps with string keys, Keywords, and
// pointers to these. What XML cannot carry is an error, not a silent change.
func EncodeCall(method string, args ...any) ([]byte, error) {
	if !validMethod(method) {
		return nil, fmt.Errorf("encode call: %q is no method name", method)
	}
	list := make([]any, 0, len(args))
	for i, arg := range args {
		v, err := normalize(reflect.ValueOf(arg), 0)
		if err != nil {
			return nil, fmt.Errorf("encode argument %d of %s: %w", i, method, err)
		}
		if v == nil {
			v = (*int)(nil) // kolo drops an untyped nil argument
		}
		list = append(list, v)
	}
	body, err := xmlrpc.EncodeMethodCall(method, list...)
	if err != nil {
		return nil, fmt.Errorf("encode call of %s: %w", method, err)
	}
	// kolo writes nil as <value/>, which Python reads as "". The replacement is
	// safe: every other < of the text is escaped.
	return bytes.ReplaceAll(body, []byte("<value/>"), []byte("<value><nil/></value>")), nil
}

func validMethod(name string) bool {
	if name == "" || len(name) > 100 {
		return false
	}
	for _, c := range []byte(name) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// normalize turns v into the few types that kolo encodes as Koji reads them.
func normalize(v reflect.Value, depth int) (any, error) {
	if depth > maxArgDepth {
		return nil, fmt.Errorf("more than %d levels of nesting", maxArgDepth)
	}
	for v.IsValid() && (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) {
		if depth++; depth > maxArgDepth { // a pointer to itself
			return nil, fmt.Errorf("more than %d levels of nesting", maxArgDepth)
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil, nil
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return nil, errors.New("an integer of more than 63 bits")
		}
		return int64(v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			return nil, errors.New("a float that is no number")
		}
		return v.Float(), nil
	case reflect.String:
		return checked(v.String())
	case reflect.Slice, reflect.Array:
		return normalizeList(v, depth)
	case reflect.Map:
		return normalizeMap(v, depth)
	case reflect.Struct:
		if t, ok := reflect.TypeAssert[time.Time](v); ok {
			return float64(t.UnixMicro()) / 1e6, nil
		}
	default:
	}
	return nil, fmt.Errorf("a value of type %s", v.Type())
}

func normalizeList(v reflect.Value, depth int) (any, error) {
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
		return xmlrpc.Base64(base64.StdEncoding.EncodeToString(v.Bytes())), nil
	}
	list := make([]any, 0, v.Len())
	for i := range v.Len() {
		item, err := normalize(v.Index(i), depth+1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

// normalizeMap escapes the names, which kolo writes as they are.
func normalizeMap(v reflect.Value, depth int) (any, error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("a map with keys of type %s", v.Type().Key())
	}
	out := make(map[string]any, v.Len()+1)
	for it := v.MapRange(); it.Next(); {
		name, err := checked(it.Key().String())
		if err != nil {
			return nil, err
		}
		if out[escape(name)], err = normalize(it.Value(), depth+1); err != nil {
			return nil, err
		}
	}
	if v.Type() == reflect.TypeFor[Keywords]() {
		out["__starstar"] = true
	}
	return out, nil
}

// checked refuses text that XML 1.0 cannot carry.
func checked(s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", errors.New("a string that is not UTF-8")
	}
	if strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	}) {
		return "", errors.New("a string with control characters")
	}
	return s, nil
}
