package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/daemon/notify"
	"github.com/fedora-respin/respin/daemon/notify/smtptest"
)

func start(t *testing.T, o smtptest.Options) *smtptest.Server {
	t.Helper()
	s, err := smtptest.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func newNotifier(t *testing.T, s *smtptest.Server, cfg notify.Config) *notify.Notifier {
	t.Helper()
	cfg.Host, cfg.Port, cfg.From = "127.0.0.1", s.Port(), "Respin <respin@example.org>"
	cfg.TLSConfig = s.ClientTLS()
	if cfg.TLS == "" {
		cfg.TLS = notify.TLSNone
	}
	n, err := notify.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSendArrivesWhole(t *testing.T) {
	t.Parallel()
	s := start(t, smtptest.Options{})
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	n := newNotifier(t, s, notify.Config{Now: func() time.Time { return at }})
	event := succeeded()
	event.Title = "Ünïcode title"
	if err := n.Send(t.Context(), notify.Message{To: []string{"qa@example.org", "second@example.org"}, Event: event}); err != nil {
		t.Fatal(err)
	}
	want, err := n.Render(event)
	if err != nil {
		t.Fatal(err)
	}
	messages := s.Messages()
	if len(messages) != 2 {
		t.Fatalf("%d messages", len(messages))
	}
	for i, m := range messages {
		if diff := cmp.Diff([]string{[]string{"qa@example.org", "second@example.org"}[i]}, m.To); diff != "" {
			t.Error(diff)
		}
		if m.From != "respin@example.org" || m.Subject != want.Subject || m.Text != want.Text || m.HTML != want.HTML {
			t.Errorf("changed on the way: %+v", m)
		}
		for header, want := range map[string]string{
			"Message-Id": "<respin.c-20260301-7.succeeded@example.org>", "Auto-Submitted": "auto-generated", "Precedence": "bulk",
			"X-Respin-Compose": "c-20260301-7", "Date": "Sun, 01 Mar 2026 12:00:00 +0000", "From": `"Respin" <respin@example.org>`,
		} {
			if got := m.Header.Get(header); got != want {
				t.Errorf("%s is %q, want %q", header, got, want)
			}
		}
		if other := []string{"second@example.org", "qa@example.org"}[i]; strings.Contains(string(m.Data), other) {
			t.Error("one recipient sees the other")
		}
	}
}

// A repetition after a crash, by another process, must have the same
// Message-ID; another end of the same compose must not.
func TestMessageIDTellsRepetitions(t *testing.T) {
	t.Parallel()
	s := start(t, smtptest.Options{})
	send := func(id string, state notify.State) {
		n := newNotifier(t, s, notify.Config{})
		if err := n.Send(t.Context(), notify.Message{To: []string{"qa@example.org"}, Event: notify.Event{ID: id, State: state}}); err != nil {
			t.Fatal(err)
		}
	}
	send("c-1", notify.StateFailed)
	send("c-1", notify.StateFailed)
	send("c-1", notify.StateSucceeded)
	send("c>\r\nBcc: x", notify.StateFailed)
	var ids []string
	for _, m := range s.Messages() {
		ids = append(ids, m.Header.Get("Message-Id"))
	}
	want := []string{
		"<respin.c-1.failed@example.org>", "<respin.c-1.failed@example.org>", "<respin.c-1.succeeded@example.org>",
		"<respin.x633e0d0a4263633a2078.failed@example.org>",
	}
	if diff := cmp.Diff(want, ids); diff != "" {
		t.Error(diff)
	}
}

func TestEncryptionAndLogin(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server smtptest.Options
		client notify.Config
		code   int
		text   string // of the error, "" for success
	}{
		"starttls":         {smtptest.Options{TLS: "starttls"}, notify.Config{TLS: notify.TLSStartTLS}, 0, ""},
		"tls":              {smtptest.Options{TLS: "tls"}, notify.Config{TLS: notify.TLSImplicit}, 0, ""},
		"login":            {smtptest.Options{TLS: "starttls", Username: "u", Password: "p"}, notify.Config{TLS: notify.TLSStartTLS, Username: "u", Password: "p"}, 0, ""},
		"login over tls":   {smtptest.Options{TLS: "tls", Username: "u", Password: "p"}, notify.Config{TLS: notify.TLSImplicit, Username: "u", Password: "p"}, 0, ""},
		"wrong password":   {smtptest.Options{TLS: "starttls", Username: "u", Password: "p"}, notify.Config{TLS: notify.TLSStartTLS, Username: "u", Password: "secret"}, 535, "535"},
		"login wanted":     {smtptest.Options{Username: "u", Password: "p"}, notify.Config{}, 502, "authenticate"},
		"login not known":  {smtptest.Options{TLS: "tls"}, notify.Config{TLS: notify.TLSImplicit, Username: "u", Password: "p"}, 0, "AUTH"},
		"no STARTTLS":      {smtptest.Options{}, notify.Config{TLS: notify.TLSStartTLS}, 0, "does not support STARTTLS"},
		"plain for sealed": {smtptest.Options{TLS: "tls"}, notify.Config{TLS: notify.TLSNone, Timeout: 2 * time.Second}, 0, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tt.server)
			n := newNotifier(t, s, tt.client)
			err := n.Send(t.Context(), notify.Message{To: []string{"qa@example.org"}, Event: succeeded()})
			if tt.text == "" {
				if err != nil || len(s.Messages()) != 1 {
					t.Errorf("%v, %d messages", err, len(s.Messages()))
				}
				return
			}
			send, ok := errors.AsType[*notify.SendError](err)
			if !ok || len(send.Failures) != 1 || send.Failures[0].Code != tt.code {
				t.Fatalf("wrong error: %v", err)
			}
			if tt.text == "-" {
				return // how the line breaks depends on who gives up first
			}
			if !strings.Contains(err.Error(), tt.text) || notify.IsTemporary(err) || strings.Contains(err.Error(), "secret") {
				t.Errorf("wrong error: %v, temporary %v", err, notify.IsTemporary(err))
			}
		})
	}
}

func TestUnknownAuthorityIsPermanent(t *testing.T) {
	t.Parallel()
	s := start(t, smtptest.Options{TLS: "starttls"})
	n, err := notify.New(notify.Config{Host: "127.0.0.1", Port: s.Port(), From: "respin@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	err = n.Send(t.Context(), notify.Message{To: []string{"qa@example.org"}, Event: succeeded()})
	if err == nil || !strings.Contains(err.Error(), "certificate") || notify.IsTemporary(err) {
		t.Errorf("%v, temporary %v", err, notify.IsTemporary(err))
	}
}

func TestOneRefusedRecipientDoesNotStopTheOthers(t *testing.T) {
	t.Parallel()
	s := start(t, smtptest.Options{Recipient: func(to string) error {
		switch to {
		case "gone@example.org":
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
		case "greylisted@example.org":
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "try again later"}
		}
		return nil
	}})
	n := newNotifier(t, s, notify.Config{})
	to := []string{"gone@example.org", "qa@example.org", "greylisted@example.org", "last@example.org"}
	err := n.Send(t.Context(), notify.Message{To: to, Event: succeeded()})
	send, ok := errors.AsType[*notify.SendError](err)
	if !ok {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"qa@example.org", "last@example.org"}, send.Delivered); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"greylisted@example.org"}, send.Retry()); diff != "" {
		t.Error(diff)
	}
	if len(send.Failures) != 2 || send.Failures[0].Code != 550 || send.Failures[1].Code != 451 || !notify.IsTemporary(err) {
		t.Errorf("wrong failures: %+v", send.Failures)
	}
	if len(s.Messages()) != 2 {
		t.Errorf("%d messages", len(s.Messages()))
	}
}

func TestRefusedMessages(t *testing.T) {
	t.Parallel()
	for code, temporary := range map[int]bool{452: true, 421: true, 554: false, 552: false} {
		s := start(t, smtptest.Options{Message: func(smtptest.Message) error {
			return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: "not this one"}
		}})
		err := newNotifier(t, s, notify.Config{}).Send(t.Context(), notify.Message{To: []string{"qa@example.org"}, Event: succeeded()})
		if err == nil || notify.IsTemporary(err) != temporary {
			t.Errorf("%d: %v", code, err)
		}
	}
}

// silent accepts connections and answers each with the lines given, one for each
// line it reads, then hangs up or falls silent.
func silent(t *testing.T, hangUp bool, lines ...string) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 64<<10)
				for _, line := range lines {
					fmt.Fprintf(c, "%s\r\n", line)
					if _, err := c.Read(buf); err != nil {
						return
					}
				}
				for !hangUp {
					if _, err := c.Read(buf); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func TestTroubleOfTheLineIsTemporary(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := free.Addr().(*net.TCPAddr).Port
	free.Close()
	for name, port := range map[string]int{
		"nobody listens":      closed,
		"hangs up at once":    silent(t, true),
		"hangs up after helo": silent(t, true, "220 hello", "250 hello"),
		"breaks in the data":  silent(t, true, "220 hello", "250 hello", "250 noop", "250 from", "250 to", "354 go on"),
		"says nothing":        silent(t, false),
		"overloaded":          silent(t, true, "421 too busy"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, err := notify.New(notify.Config{Host: "127.0.0.1", Port: port, From: "respin@example.org", TLS: notify.TLSNone, Timeout: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			err = n.Send(t.Context(), notify.Message{To: []string{"qa@example.org"}, Event: succeeded()})
			if !notify.IsTemporary(err) {
				t.Errorf("not temporary: %v", err)
			}
		})
	}
}

func TestContextEndsASilentDialog(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{"greeting": nil, "dialog": {"220 hello", "250 hello"}} {
		port := silent(t, false, lines...)
		n, err := notify.New(notify.Config{Host: "127.0.0.1", Port: port, From: "respin@example.org", TLS: notify.TLSNone, Timeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err = n.Send(ctx, notify.Message{To: []string{"qa@example.org"}, Event: succeeded()})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !notify.IsTemporary(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := start(t, smtptest.Options{})
	n := newNotifier(t, s, notify.Config{})
	for address, ok := range map[string]bool{
		"qa@example.org": true, "qa+respin@mail.example.org": true,
		"": false, "qa": false, "@example.org": false, "qa@": false, "qa@example.org\r\nBcc: all@example.org": false, "qa@example.org\n": false,
		"QA <qa@example.org>": false, "<qa@example.org>": false, "a@example.org, b@example.org": false, "ü@example.org": false, `"a b"@example.org`: false,
		strings.Repeat("a", 65) + "@example.org": false, "qa@example.org ": false, "qa@example.org>\x00": false,
	} {
		if err := notify.CheckAddress(address); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
		if ok {
			continue
		}
		err := n.Send(t.Context(), notify.Message{To: []string{"qa@example.org", address}, Event: succeeded()})
		if _, typed := errors.AsType[*notify.AddressError](err); !typed || notify.IsTemporary(err) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if err := n.Send(t.Context(), notify.Message{Event: succeeded()}); err == nil {
		t.Error("no recipient accepted")
	}
	if len(s.Messages()) != 0 {
		t.Error("something was sent beside a bad address")
	}
}

func TestNewNamesEverythingWrong(t *testing.T) {
	t.Parallel()
	_, err := notify.New(notify.Config{Host: "a b", From: "x\r\ny", TLS: "ssl", Port: 70000, Username: "u", Timeout: -1})
	for _, want := range []string{"host", "tls", "port", "username", "timeout", "line break"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in %v", want, err)
		}
	}
	cfg := notify.Config{Host: "mail.example.org", Username: "u", Password: "hunter2"}
	if text := fmt.Sprintf("%v %+v %#v %s", cfg, cfg, cfg, cfg); strings.Contains(text, "hunter2") {
		t.Errorf("password printed: %s", text)
	}
	if notify.IsTemporary(nil) || notify.IsTemporary(errors.New("other")) {
		t.Error("temporary without a reason")
	}
}
