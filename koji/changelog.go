package koji

import (
	"context"
	"time"
)

// ChangelogEntry is an entry of an RPM's changelog.
type ChangelogEntry struct {
	Time   time.Time `koji:"date_ts,date"` // RPM keeps the day, at noon
	Author string    `koji:"author"`       // with address and version: Ada <ada@example.org> - 1.1-1
	Text   string    `koji:"text"`
}

// ChangelogOptions selects entries of a changelog, the newest first.
type ChangelogOptions struct {
	Author        string    // only of exactly this Author
	Before, After time.Time // exclusive, to the second
	Page          Page      // Order by date or author
}

func (o ChangelogOptions) keywords() keywords {
	k := keywords{}.text("author", o.Author).page(o.Page)
	for name, t := range map[string]time.Time{"before": o.Before, "after": o.After} {
		if !t.IsZero() {
			k[name] = t.Unix() // the hub refuses fractions here
		}
	}
	return k
}

func getChangelogEntries(ref BuildRef, o ChangelogOptions) spec[[]ChangelogEntry] {
	k := o.keywords()
	k["buildID"] = ref.arg()
	return value[[]ChangelogEntry]("getChangelogEntries").with(k)
}

// GetChangelogEntries returns the changelog of a build's source RPM. A build
// that does not exist, or whose files are gone, has none.
func (c *Client) GetChangelogEntries(ctx context.Context, ref BuildRef, o ChangelogOptions) ([]ChangelogEntry, error) {
	return call(ctx, c, getChangelogEntries(ref, o))
}

// GetChangelogEntries adds Client.GetChangelogEntries.
func (b *Batch) GetChangelogEntries(ref BuildRef, o ChangelogOptions) *Pending[[]ChangelogEntry] {
	return add(b, getChangelogEntries(ref, o))
}

func getTaskChangelogEntries(id int, file string, o ChangelogOptions) spec[[]ChangelogEntry] {
	k := o.keywords().text("filepath", file)
	k["taskID"] = id
	return value[[]ChangelogEntry]("getChangelogEntries").with(k)
}

// GetTaskChangelogEntries returns the changelog of an RPM among the output of a
// task. A file that is not there has none.
func (c *Client) GetTaskChangelogEntries(ctx context.Context, id int, file string, o ChangelogOptions) ([]ChangelogEntry, error) {
	return call(ctx, c, getTaskChangelogEntries(id, file, o))
}

// GetTaskChangelogEntries adds Client.GetTaskChangelogEntries.
func (b *Batch) GetTaskChangelogEntries(id int, file string, o ChangelogOptions) *Pending[[]ChangelogEntry] {
	return add(b, getTaskChangelogEntries(id, file, o))
}
