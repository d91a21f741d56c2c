package koji

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// errStopped ends the reading of an answer whose rest nobody wants.
var errStopped = errors.New("iteration over a koji answer was left")

// stream is the state of an answer that is iterated over. A nil one is that of
// an ordinary answer.
type stream struct {
	rows    int
	timer   *time.Timer // that ends the call
	timeout time.Duration
}

func (s *stream) started() bool { return s != nil && s.rows > 0 }

func (s *stream) watch(timer *time.Timer, timeout time.Duration) {
	if s != nil {
		s.timer, s.timeout = timer, timeout
	}
}

// pass hands a row over. What the consumer does with it is not the hub's time.
func (s *stream) pass(row func() bool) error {
	s.rows++
	s.timer.Stop()
	if !row() {
		return errStopped
	}
	s.timer.Reset(s.timeout)
	return nil
}

// Iterate calls a method that answers with an array and yields its elements one
// by one as they arrive; no more than one is held. Arguments are those of
// Client.Call, R is what one element is read into. The sequence ends with the
// first error; leaving the loop ends the call. The call is repeated only while
// nothing has been yielded yet. It may be ranged over several times, each time
// being a new call.
func Iterate[R any](ctx context.Context, c *Client, method string, args ...any) iter.Seq2[*R, error] {
	return iterate(ctx, c, value[[]R](method, args...))
}

// iterate is the call of s with its rows yielded instead of collected.
func iterate[R any](ctx context.Context, c *Client, s spec[[]R]) iter.Seq2[*R, error] {
	return iterateIn[R](ctx, c, s, func(rows *wire.Each) any { return rows })
}

// iterateIn does the same where the rows are a part of the answer.
func iterateIn[R, A any](ctx context.Context, c *Client, s spec[A], target func(*wire.Each) any) iter.Seq2[*R, error] {
	return func(yield func(*R, error) bool) {
		var row *R
		state := &stream{}
		rows := &wire.Each{
			New: func() any { row = new(R); return row },
			Got: func() error { return state.pass(func() bool { return yield(row, nil) }) },
		}
		body, err := wire.EncodeCall(s.method, s.arguments(c.event)...)
		if err != nil {
			err = fmt.Errorf("call koji %s: %w", s.method, err)
		} else {
			req := request{method: s.method, body: body, reads: readsOnly(s.method), stream: state}
			err = c.roundTrips(ctx, req, target(rows))
		}
		if err == nil || errors.Is(err, errStopped) {
			return
		}
		// finish turns the fault of a missing tag into what callers expect.
		_, err = s.finish(err)
		yield(nil, err)
	}
}
