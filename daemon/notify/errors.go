package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// AddressError says that an address cannot be written to. Nothing was sent.
type AddressError struct {
	Address string
	Reason  string
}

func (e *AddressError) Error() string {
	return fmt.Sprintf("mail address %.100q: %s", e.Address, e.Reason)
}

// SendError says which recipients did not get their message, and why.
type SendError struct {
	Delivered []string // got it
	Failures  []Failed // did not
}

// Failed is one recipient without a message.
type Failed struct {
	Address   string
	Code      int  // of the server's reply, 0: it gave none
	Temporary bool // the same message may be accepted later
	Err       error
}

func (e *SendError) Error() string {
	parts := make([]string, 0, len(e.Failures))
	for _, f := range e.Failures {
		parts = append(parts, fmt.Sprintf("to %s: %v", f.Address, f.Err))
	}
	return "send mail " + strings.Join(parts, "; ")
}

// Unwrap gives the causes.
func (e *SendError) Unwrap() []error {
	causes := make([]error, 0, len(e.Failures))
	for _, f := range e.Failures {
		causes = append(causes, f.Err)
	}
	return causes
}

// Retry lists the recipients worth another try.
func (e *SendError) Retry() []string {
	var addresses []string
	for _, f := range e.Failures {
		if f.Temporary {
			addresses = append(addresses, f.Address)
		}
	}
	return addresses
}

// IsTemporary reports whether sending again later makes sense for at least one
// recipient: no connection, a reply of the 400s, a context that ended. It is
// false for nil, for addresses that are no addresses, for replies of the 500s and
// for a server that does not offer the wanted encryption or login.
func IsTemporary(err error) bool {
	if send, ok := errors.AsType[*SendError](err); ok {
		return len(send.Retry()) > 0
	}
	return false
}

// failure classifies an error of the connection or of the dialog.
func failure(address string, err error) Failed {
	f := Failed{Address: address, Err: err}
	if send, ok := errors.AsType[*gomail.SendError](err); ok {
		// go-mail calls everything but a reply of the 400s permanent, a broken line
		// included: the code tells.
		f.Code = send.ErrorCode()
		f.Temporary = f.Code < 500
		return f
	}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		f.Code = reply.Code
		f.Temporary = reply.Code < 500
		return f
	}
	f.Temporary = passing(err)
	return f
}

// passing tells trouble of the line from trouble of the configuration.
func passing(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return true
	}
	for _, target := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
