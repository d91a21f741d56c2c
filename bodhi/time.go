package bodhi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Layouts of Bodhi's JSON: str() of a naive Python datetime in UTC, and of a date.
const (
	timeLayout = "2006-01-02 15:04:05"
	dateLayout = "2006-01-02"
)

// Time is a moment in UTC with a resolution of a second, written by Bodhi as
// "2006-01-02 15:04:05". The zero value stands for null, "" and absent.
type Time struct{ time.Time }

// Date is a day, written by Bodhi as "2006-01-02" and kept as midnight UTC.
// The zero value stands for null, "" and absent.
type Date struct{ time.Time }

// UnmarshalJSON reads Bodhi's layout and RFC 3339.
func (t *Time) UnmarshalJSON(data []byte) error {
	parsed, err := parseTime(data, timeLayout, time.RFC3339Nano, "2006-01-02T15:04:05", dateLayout)
	if err != nil {
		return err
	}
	t.Time = parsed
	return nil
}

// MarshalJSON writes Bodhi's layout, or null for the zero value.
func (t Time) MarshalJSON() ([]byte, error) { return formatTime(t.Time, timeLayout), nil }

// UnmarshalJSON reads a day; of a moment it keeps the day.
func (d *Date) UnmarshalJSON(data []byte) error {
	parsed, err := parseTime(data, dateLayout, timeLayout, time.RFC3339Nano)
	if err != nil {
		return err
	}
	d.Time = parsed.Truncate(24 * time.Hour)
	return nil
}

// MarshalJSON writes Bodhi's layout, or null for the zero value.
func (d Date) MarshalJSON() ([]byte, error) { return formatTime(d.Time, dateLayout), nil }

func parseTime(data []byte, layouts ...string) (time.Time, error) {
	if bytes.Equal(data, []byte("null")) {
		return time.Time{}, nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return time.Time{}, fmt.Errorf("parse time: %w", err)
	}
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range layouts {
		t, err := time.Parse(layout, text)
		t = t.UTC()
		// A zone can carry a year out of the four digits that the layouts hold.
		if err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("parse time %.40q: no known layout", text)
}

func formatTime(t time.Time, layout string) []byte {
	if t.IsZero() {
		return []byte("null")
	}
	return []byte(`"` + t.UTC().Format(layout) + `"`)
}
