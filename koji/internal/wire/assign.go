package wire

import (
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// step is one part of the way to the value at hand: a member or an index.
type step struct {
	name  string
	index int
}

// misfit notes the first value that does not fit its target. Reading goes on,
// so that an answer is always checked to its end and one bad result of a
// multiCall spoils no other.
func (d *decoder) misfit(got, want string) {
	if d.typeErr != nil {
		return
	}
	var path strings.Builder
	for _, s := range d.path {
		if s.name != "" {
			path.WriteString("." + s.name)
		} else {
			path.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	d.typeErr = &TypeError{Path: strings.TrimPrefix(path.String(), "."), Got: got, Want: want}
}

// takeMisfit returns what misfit noted and forgets it.
func (d *decoder) takeMisfit() error {
	if d.typeErr == nil {
		return nil
	}
	err := d.typeErr
	d.typeErr = nil
	return err
}

// deref allocates through pointers.
func deref(target reflect.Value) reflect.Value {
	for target.Kind() == reflect.Pointer {
		if target.IsNil() {
			target.Set(reflect.New(target.Type().Elem()))
		}
		target = target.Elem()
	}
	return target
}

// assign puts a scalar into target.
func (d *decoder) assign(target reflect.Value, v scalar) error {
	if !target.IsValid() {
		return nil
	}
	if v.kind == kindNil {
		target.SetZero()
		return nil
	}
	if v.kind == kindString || v.kind == kindBytes {
		if err := d.spend(len(v.text)); err != nil {
			return err
		}
	}
	target = deref(target)
	ok := false
	switch target.Kind() {
	case reflect.String:
		if ok = v.kind == kindString; ok {
			target.SetString(string(v.text))
		}
	case reflect.Bool:
		if ok = v.kind == kindBool || v.kind == kindInt; ok {
			target.SetBool(v.i != 0)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		var n int64
		if n, ok = v.integer(); ok && !target.OverflowInt(n) {
			target.SetInt(n)
		} else {
			ok = false
		}
	case reflect.Float32, reflect.Float64:
		var f float64
		if f, ok = v.float(); ok {
			target.SetFloat(f)
		}
	case reflect.Slice:
		if ok = target.Type().Elem().Kind() == reflect.Uint8 && v.kind == kindBytes; ok {
			target.SetBytes(v.text)
		}
	case reflect.Interface:
		if ok = target.NumMethod() == 0; ok {
			target.Set(reflect.ValueOf(v.any()))
		}
	case reflect.Struct:
		var t time.Time
		if target.Type() == reflect.TypeFor[time.Time]() {
			if t, ok = v.instant(); ok {
				target.Set(reflect.ValueOf(t))
			}
		}
	default:
	}
	if !ok {
		d.misfit(v.kind.String(), target.Type().String())
	}
	return nil
}

// integer also reads numbers that Koji sends as text (st_size, user_id) and
// doubles without a fraction.
func (v scalar) integer() (int64, bool) {
	switch v.kind {
	case kindInt, kindBool:
		return v.i, true
	case kindDouble:
		return int64(v.f), v.f == math.Trunc(v.f) && math.Abs(v.f) < 1<<53
	case kindString:
		n, err := strconv.ParseInt(string(v.text), 10, 64)
		return n, err == nil
	default:
		return 0, false
	}
}

func (v scalar) float() (float64, bool) {
	switch v.kind {
	case kindDouble:
		return v.f, true
	case kindInt:
		return float64(v.i), true
	default:
		return 0, false
	}
}

// instant reads seconds since 1970, rounded to Koji's microseconds, or a date.
func (v scalar) instant() (time.Time, bool) {
	switch v.kind {
	case kindTime:
		return v.time, true
	case kindString:
		return parseTime(string(v.text))
	default:
		f, ok := v.float()
		// Years beyond 9999 are no times.
		if !ok || math.IsNaN(f) || math.Abs(f) > 253402300799 {
			return time.Time{}, false
		}
		return time.UnixMicro(int64(math.Round(f * 1e6))).UTC(), true
	}
}

func (v scalar) any() any {
	switch v.kind {
	case kindBool:
		return v.i != 0
	case kindInt:
		return v.i
	case kindBig:
		return v.big
	case kindDouble:
		return v.f
	case kindBytes:
		return v.text
	case kindTime:
		return v.time
	default:
		return string(v.text)
	}
}
