package bodhi

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxQuery bounds a query string: Apache in front of Bodhi refuses a request
// line above 8190 bytes.
const maxQuery = 7000

// builder collects parameters and everything that is wrong with them.
type builder struct {
	v    url.Values
	errs []error
}

func newBuilder() *builder { return &builder{v: url.Values{}} }

// list adds a repeated key. Bodhi splits most lists at commas and spaces, so
// a value with one of these would select something else.
func (b *builder) list(key string, values []string) {
	for _, v := range values {
		if reason := badWord(v); reason != "" {
			b.errs = append(b.errs, &ArgumentError{Name: key, Value: v, Reason: reason})
			continue
		}
		b.v.Add(key, v)
	}
}

func (b *builder) ints(key string, values []int) {
	for _, v := range values {
		b.v.Add(key, strconv.Itoa(v))
	}
}

func (b *builder) word(key, value string) {
	if value != "" {
		b.list(key, []string{value})
	}
}

func (b *builder) text(key, value string) {
	if strings.ContainsFunc(value, unicode.IsControl) {
		b.errs = append(b.errs, &ArgumentError{Name: key, Value: value, Reason: "contains a control character"})
	} else if value != "" {
		b.v.Set(key, value)
	}
}

func (b *builder) flag(key string, value *bool) {
	if value != nil {
		b.v.Set(key, strconv.FormatBool(*value))
	}
}

func (b *builder) span(key string, since, before time.Time) {
	b.moment(key+"_since", since)
	b.moment(key+"_before", before)
}

func (b *builder) moment(key string, t time.Time) {
	if !t.IsZero() {
		b.v.Set(key, t.UTC().Format("2006-01-02T15:04:05Z"))
	}
}

func (b *builder) done(limit int) (url.Values, error) {
	if limit < 0 {
		b.errs = append(b.errs, &ArgumentError{Name: "Limit", Value: strconv.Itoa(limit), Reason: "is negative"})
	}
	if n := len(b.v.Encode()); n > maxQuery {
		b.errs = append(b.errs, &ArgumentError{Name: "query", Value: fmt.Sprint(n, " bytes"), Reason: "too many values for one request, split them"})
	}
	return b.v, errors.Join(b.errs...)
}

func badWord(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > 300:
		return "is longer than 300 bytes"
	case strings.ContainsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "contains a comma, a space or a control character"
	}
	return ""
}

// segment checks what becomes a part of the path.
func segment(name, s string) error {
	reason := ""
	switch {
	case s == "":
		reason = "is empty"
	case len(s) > 300:
		reason = "is longer than 300 bytes"
	case s == "." || s == ".." || strings.ContainsAny(s, `/\`):
		reason = "is a path"
	case strings.ContainsFunc(s, unicode.IsControl):
		reason = "contains a control character"
	}
	if reason == "" {
		return nil
	}
	return &ArgumentError{Name: name, Value: s, Reason: reason}
}

func texts[T ~string](values []T) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}
