package notify

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	gomail "github.com/wneessen/go-mail"
)

// TLSMode says how the connection to the mail server is encrypted.
type TLSMode string

// The modes; the port in parentheses is the default of Config.Port.
const (
	TLSNone     TLSMode = "none"     // not at all (25)
	TLSStartTLS TLSMode = "starttls" // from STARTTLS on, which is required (587)
	TLSImplicit TLSMode = "tls"      // from the first byte (465)
)

const (
	defaultTimeout = time.Minute
	maxRecipients  = 50
)

// Config is the mail server. Host and From are required.
type Config struct {
	Host string
	Port int // default: by TLS
	// From is the sender, as an address or as Name <address>.
	From string
	// Username and Password log in; without them no login is tried. The password
	// is sent in the clear only on an encrypted connection or to this host.
	Username string
	Password string
	TLS      TLSMode // default: starttls
	// Timeout bounds connecting and login, and then the messages of one Send.
	// Default: 1 minute.
	Timeout time.Duration

	// TLSConfig trusts a private authority. Default: the system's.
	TLSConfig *tls.Config
	// HELO is the name this host gives itself. Default: its own.
	HELO   string
	Logger hclog.Logger     // default: none
	Now    func() time.Time // for the Date header; default: time.Now
}

// String leaves the password out.
func (c Config) String() string {
	return fmt.Sprintf("smtp %s, %s, from %s", c.address(), c.TLS, c.From)
}

// GoString leaves the password out.
func (c Config) GoString() string { return c.String() }

func (c Config) address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// Notifier sends messages. It is safe for concurrent use; each Send has a
// connection of its own.
type Notifier struct {
	cfg       Config
	from      *mail.Address
	templates *templates
	log       hclog.Logger
}

// Message is an Event for some people.
type Message struct {
	To      []string // addresses without names, at most 50
	Subject string   // default: made from the event
	Event   Event
}

// New checks the configuration; nothing is sent yet. The error names everything
// that is wrong.
func New(cfg Config) (*Notifier, error) {
	cfg.TLS = cmp.Or(cfg.TLS, TLSStartTLS)
	cfg.Port = cmp.Or(cfg.Port, map[TLSMode]int{TLSNone: 25, TLSStartTLS: 587, TLSImplicit: 465}[cfg.TLS])
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	n := &Notifier{cfg: cfg, log: cfg.Logger}
	if n.log == nil {
		n.log = hclog.NewNullLogger()
	}
	var errs []error
	bad := func(cond bool, text string) {
		if cond {
			errs = append(errs, errors.New(text))
		}
	}
	bad(cfg.Host == "" || strings.ContainsAny(cfg.Host, " \r\n/"), "host is missing or no host name")
	bad(cfg.TLS != TLSNone && cfg.TLS != TLSStartTLS && cfg.TLS != TLSImplicit, fmt.Sprintf("tls %q is none of none, starttls, tls", cfg.TLS))
	bad(cfg.Port < 0 || cfg.Port > 65535, "port is not within 1 to 65535")
	bad(cfg.Timeout < 0, "timeout is negative")
	bad((cfg.Username == "") != (cfg.Password == ""), "username and password belong together")
	bad(strings.ContainsAny(cfg.HELO, " \r\n"), "helo is no host name")
	var err error
	n.from, err = parseAddress(cfg.From)
	errs = append(errs, err)
	n.templates, err = parseTemplates()
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configure mail: %w", err)
	}
	return n, nil
}

// CheckAddress tells whether Send would accept an address: local@domain in
// ASCII, without a name and without line breaks. The error is an *AddressError.
func CheckAddress(address string) error {
	parsed, err := parseAddress(address)
	if err == nil && parsed.Address != address {
		return &AddressError{Address: address, Reason: "has more than the address itself"}
	}
	return err
}

func parseAddress(s string) (*mail.Address, error) {
	bad := func(reason string) (*mail.Address, error) { return nil, &AddressError{Address: s, Reason: reason} }
	if s == "" {
		return bad("is empty")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return bad("contains a line break or another control character")
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil {
		return bad("is no address")
	}
	local, domain, _ := strings.Cut(parsed.Address, "@")
	switch {
	case strings.ContainsFunc(parsed.Address, func(r rune) bool { return r > 0x7e }):
		return bad("is not ASCII")
	case len(local) > 64 || len(domain) > 253:
		return bad("is too long")
	case strings.ContainsAny(local, " \"<>@,;:\\"):
		return bad("has a quoted local part")
	}
	return parsed, nil
}

// Render writes what Send would send.
func (n *Notifier) Render(e Event) (Content, error) { return n.templates.render(e) }

// Send gives every recipient a message of his own. It returns an *AddressError
// (in a join, nothing was sent) or a *SendError (see IsTemporary); a recipient
// that is refused does not keep the others from theirs. When the line breaks
// just before the last reply, it cannot be known whether the message was
// accepted: it counts as a temporary failure, and the Message-ID tells.
func (n *Notifier) Send(ctx context.Context, m Message) error {
	content, err := n.check(m)
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	messages := make([]*gomail.Msg, 0, len(m.To))
	for _, to := range m.To {
		msg, err := n.compose(to, content, m.Event)
		if err != nil {
			return fmt.Errorf("send mail: %w", err)
		}
		messages = append(messages, msg)
	}
	err = n.deliver(ctx, messages)
	result := &SendError{}
	for i, msg := range messages {
		cause := cmp.Or(msg.SendError(), err)
		if msg.IsDelivered() || cause == nil {
			result.Delivered = append(result.Delivered, m.To[i])
			continue
		}
		f := failure(m.To[i], cause)
		if f.Code == 0 && ctx.Err() != nil {
			f.Err, f.Temporary = fmt.Errorf("%w: %w", ctx.Err(), cause), true
		}
		result.Failures = append(result.Failures, f)
	}
	n.log.Debug("sent mail", "compose_id", m.Event.ID, "delivered", len(result.Delivered), "failed", len(result.Failures))
	if len(result.Failures) > 0 {
		return result
	}
	return nil
}

func (n *Notifier) check(m Message) (Content, error) {
	var errs []error
	if len(m.To) == 0 {
		errs = append(errs, &AddressError{Reason: "no recipient"})
	}
	if len(m.To) > maxRecipients {
		errs = append(errs, &AddressError{Address: m.To[maxRecipients], Reason: fmt.Sprintf("more than %d recipients", maxRecipients)})
	}
	for _, to := range m.To {
		errs = append(errs, CheckAddress(to))
	}
	if err := errors.Join(errs...); err != nil {
		return Content{}, err
	}
	content, err := n.Render(m.Event)
	if m.Subject != "" {
		content.Subject = clean(m.Subject, 150)
	}
	return content, err
}

func (n *Notifier) compose(to string, c Content, e Event) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(n.from)
	if err := msg.To(to); err != nil {
		return nil, &AddressError{Address: to, Reason: err.Error()}
	}
	msg.Subject(c.Subject)
	msg.SetDateWithValue(n.cfg.Now())
	msg.SetMessageIDWithValue(n.messageID(e))
	// RFC 3834: no vacation notices, please. SetBulk says it to Exchange.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBulk()
	msg.SetGenHeader("X-Respin-Compose", clean(e.ID, 100))
	msg.SetGenHeader("X-Respin-State", clean(string(e.State), 40))
	msg.SetBodyString(gomail.TypeTextPlain, c.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, c.HTML)
	return msg, nil
}

// messageID is the same for every message about one end of one compose.
func (n *Notifier) messageID(e Event) string {
	_, domain, _ := strings.Cut(n.from.Address, "@")
	return fmt.Sprintf("respin.%s.%s@%s", token(e.ID), token(string(e.State)), domain)
}

// token writes s in the characters of a Message-ID, reversibly.
func token(s string) string {
	if s == "" {
		return "none"
	}
	ok := func(r rune) bool {
		return r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) }) {
		return s
	}
	return "x" + hex.EncodeToString([]byte(s[:min(len(s), 64)]))
}
