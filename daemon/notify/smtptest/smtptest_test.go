package smtptest_test

import (
	"context"
	"errors"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fedora-respin/respin/daemon/notify/smtptest"
)

// The standard library's client is the judge here: it shares no code with the server.
func send(t *testing.T, s *smtptest.Server, lines ...string) {
	t.Helper()
	err := smtp.SendMail(s.Addr(), nil, "from@example.org", []string{"to@example.org"}, []byte(strings.Join(lines, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
}

func newServer(t *testing.T) *smtptest.Server {
	t.Helper()
	s, err := smtptest.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestMessagesAreParsed(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	send(t, s, "Subject: =?utf-8?q?gr=C3=BCn?=", "Content-Type: multipart/alternative; boundary=b", "",
		"--b", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "", "gr=C3=BC=", "n",
		"--b", "Content-Type: text/html", "Content-Transfer-Encoding: base64", "", "PGI+eDwvYj4=", "--b--", "")
	send(t, s, "Subject: plain", "", "hello", "")
	send(t, s, "no header at all")
	got := s.Messages()
	if len(got) != 3 {
		t.Fatalf("%d messages", len(got))
	}
	if got[0].Subject != "grün" || got[0].Text != "grün" || got[0].HTML != "<b>x</b>" || got[0].From != "from@example.org" ||
		!cmp.Equal(got[0].To, []string{"to@example.org"}) {
		t.Errorf("%+v", got[0])
	}
	if got[1].Text != "hello\n" || got[1].Subject != "plain" {
		t.Errorf("%+v", got[1])
	}
	if !strings.Contains(string(got[2].Data), "no header at all") {
		t.Errorf("%+v", got[2])
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	go func() {
		_ = smtp.SendMail(s.Addr(), nil, "a@example.org", []string{"b@example.org"}, []byte("Subject: x\r\n\r\ny\r\n"))
	}()
	got, err := s.Wait(t.Context(), 1)
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	got, err = s.Wait(ctx, 2)
	if !errors.Is(err, context.DeadlineExceeded) || len(got) != 1 {
		t.Error(got, err)
	}
}

func TestCloseEndsConnections(t *testing.T) {
	t.Parallel()
	s, err := smtptest.New()
	if err != nil {
		t.Fatal(err)
	}
	c, err := smtp.Dial(s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Noop(); err == nil {
		t.Error("the connection lives on")
	}
	if _, err := smtp.Dial(s.Addr()); err == nil {
		t.Error("it still listens")
	}
}
