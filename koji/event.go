package koji

import (
	"context"
	"strconv"
	"time"
)

// Event is a point in the hub's history.
type Event struct {
	ID   int       `koji:"id"`
	Time time.Time `koji:"ts"`
}

func getLastEvent(before time.Time) spec[Event] {
	k := keywords{}.moment("before", before)
	return into("getLastEvent", func(out **Event) (Event, error) {
		if *out == nil {
			return Event{}, &NotFoundError{What: "event", Ref: before.String()}
		}
		return **out, nil
	}).with(k).of("event", before.String())
}

// GetLastEvent returns the latest event, to pin questions about tags to
// (Client.Snapshot).
func (c *Client) GetLastEvent(ctx context.Context) (Event, error) {
	return call(ctx, c, getLastEvent(time.Time{}))
}

// GetLastEvent adds Client.GetLastEvent.
func (b *Batch) GetLastEvent() *Pending[Event] { return add(b, getLastEvent(time.Time{})) }

// GetLastEventBefore returns the last event before a moment, or a
// *NotFoundError.
func (c *Client) GetLastEventBefore(ctx context.Context, t time.Time) (Event, error) {
	return call(ctx, c, getLastEvent(t))
}

// GetLastEventBefore adds Client.GetLastEventBefore.
func (b *Batch) GetLastEventBefore(t time.Time) *Pending[Event] { return add(b, getLastEvent(t)) }

// LatestSnapshot returns the snapshot of the latest event.
func (c *Client) LatestSnapshot(ctx context.Context) (*Client, error) {
	e, err := c.GetLastEvent(ctx)
	if err != nil {
		return nil, err
	}
	return c.Snapshot(e.ID), nil
}

func getEvent(id int) spec[Event] {
	return into("getEvent", func(out **Event) (Event, error) {
		if *out == nil {
			return Event{}, &NotFoundError{What: "event", Ref: strconv.Itoa(id)}
		}
		return **out, nil
	}, id).of("event", strconv.Itoa(id))
}

// GetEvent returns an event by its id, or a *NotFoundError.
func (c *Client) GetEvent(ctx context.Context, id int) (Event, error) {
	return call(ctx, c, getEvent(id))
}

// GetEvent adds Client.GetEvent.
func (b *Batch) GetEvent(id int) *Pending[Event] { return add(b, getEvent(id)) }

// TagChangeOptions says which changes of a tag count.
type TagChangeOptions struct {
	Before    int  // only events before this one; 0 is now, or what the snapshot shows
	NoInherit bool // the tag alone, not what it inherits from
}

func tagLastChangeEvent(tag string, o TagChangeOptions) spec[*int] {
	return value[*int]("tagLastChangeEvent", tag).
		with(keywords{}.number("before", o.Before).off("inherit", o.NoInherit)).of("tag", tag)
}

// TagLastChangeEvent returns the event of the last change of a tag, a cheap way
// to ask whether anything is new; nil for a tag that never changed. A tag that
// does not exist is a *NotFoundError.
func (c *Client) TagLastChangeEvent(ctx context.Context, tag string, o TagChangeOptions) (*int, error) {
	if o.Before == 0 && c.event != 0 {
		o.Before = c.event + 1
	}
	return call(ctx, c, tagLastChangeEvent(tag, o))
}

// TagLastChangeEvent adds Client.TagLastChangeEvent.
func (b *Batch) TagLastChangeEvent(tag string, o TagChangeOptions) *Pending[*int] {
	if o.Before == 0 && b.c.event != 0 {
		o.Before = b.c.event + 1
	}
	return add(b, tagLastChangeEvent(tag, o))
}

func tagChangedSinceEvent(event int, tagIDs []int) spec[bool] {
	return value[bool]("tagChangedSinceEvent", event, tagIDs)
}

// TagChangedSinceEvent reports whether any of the tags has changed after an
// event; what they inherit from does not count.
func (c *Client) TagChangedSinceEvent(ctx context.Context, event int, tagIDs ...int) (bool, error) {
	return call(ctx, c, tagChangedSinceEvent(event, tagIDs))
}

// TagChangedSinceEvent adds Client.TagChangedSinceEvent.
func (b *Batch) TagChangedSinceEvent(event int, tagIDs ...int) *Pending[bool] {
	return add(b, tagChangedSinceEvent(event, tagIDs))
}
