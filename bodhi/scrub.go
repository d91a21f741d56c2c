package bodhi

import (
	"bytes"
	"encoding/json"
	"net/url"
	"regexp"
)

// addressRE finds e-mail addresses, also inside URLs. It errs on the side of
// finding too much.
var addressRE = regexp.MustCompile(`[A-Za-z0-9._+-]+(@|%40)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+`)

const noAddress = "[address]"

func withoutAddresses(s string) string { return addressRE.ReplaceAllString(s, noAddress) }

// shown is a URL for messages and logs.
func shown(u *url.URL) string { return withoutAddresses(u.String()) }

// scrub takes e-mail addresses out of what Greenwave and its neighbors say,
// which is kept without being understood.
func (d *Decision) scrub() {
	d.Summary = withoutAddresses(d.Summary)
	for _, list := range [][]json.RawMessage{d.Met, d.Unmet, d.TestResults, d.Waivers} {
		for i := range list {
			list[i] = scrubJSON(list[i])
		}
	}
}

func scrubJSON(raw json.RawMessage) json.RawMessage {
	if !addressRE.Match(raw) && !bytes.Contains(raw, []byte(`\u0040`)) {
		return raw
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return json.RawMessage("null") // it has been read once already, so this is not reached
	}
	out, err := json.Marshal(scrubValue(v))
	if err != nil {
		return json.RawMessage("null")
	}
	return out
}

func scrubValue(v any) any {
	switch v := v.(type) {
	case string:
		return withoutAddresses(v)
	case []any:
		for i := range v {
			v[i] = scrubValue(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for name, member := range v {
			clean[withoutAddresses(name)] = scrubValue(member)
		}
		return clean
	}
	return v
}
