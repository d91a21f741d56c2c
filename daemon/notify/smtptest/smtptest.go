// Package smtptest is a mail server in process for tests and demonstrations: it
// speaks real SMTP on a loopback port, keeps every message in memory and sends
// none on.
//
//	server, err := smtptest.New()
//	if err != nil {
//		return err
//	}
//	defer server.Close()
//	// send mail to server.Addr()
//	messages, err := server.Wait(ctx, 1)
//	fmt.Println(messages[0].Subject, messages[0].Text)
package smtptest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

const (
	maxMessage  = 10 << 20
	maxMessages = 1000
)

// Options tunes a Server; the zero value is a plain one that takes everything.
type Options struct {
	// Addr is where to listen. Default: 127.0.0.1, any port.
	Addr string
	// TLS offers encryption: "" none, "starttls", "tls" from the first byte. The
	// certificate is the server's own, see ClientTLS.
	TLS string
	// Username and Password are asked for when they are set.
	Username, Password string
	// Recipient may refuse a recipient, Message a message; an *smtp.SMTPError is
	// passed on with its code, any other error is a 451. nil accepts.
	Recipient func(address string) error
	Message   func(Message) error
}

// Server is a running mail server, safe for concurrent use.
type Server struct {
	options  Options
	smtp     *smtp.Server
	listener net.Listener
	client   *tls.Config
	done     chan struct{}

	mu       sync.Mutex
	messages []Message
	arrived  chan struct{} // closed and replaced with each message
}

// New starts a server that takes everything. The caller closes it.
func New() (*Server, error) { return Start(Options{}) }

// Start starts a server. The caller closes it.
func Start(o Options) (*Server, error) {
	s := &Server{options: o, done: make(chan struct{}), arrived: make(chan struct{})}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{server: s}, nil }))
	s.smtp.Domain = "localhost"
	s.smtp.MaxMessageBytes = maxMessage
	s.smtp.MaxRecipients = 100
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = time.Minute, time.Minute
	s.smtp.AllowInsecureAuth = true
	s.smtp.ErrorLog = quiet{}
	addr := o.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	s.listener = listener
	if o.TLS != "" {
		if err := s.encrypt(); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	go func() {
		defer close(s.done)
		// It ends when Close closes the listener.
		_ = s.smtp.Serve(s.listener)
	}()
	return s, nil
}

// encrypt makes a certificate for this server alone.
func (s *Server) encrypt() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "smtptest"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("make certificate: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("read certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	s.client = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	if s.options.TLS == "tls" {
		s.listener = tls.NewListener(s.listener, config)
	} else {
		s.smtp.TLSConfig = config
	}
	return nil
}

// Addr is the address to connect to, host:port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Port is the port of Addr.
func (s *Server) Port() int {
	if addr, ok := s.listener.Addr().(*net.TCPAddr); ok {
		return addr.Port
	}
	return 0
}

// ClientTLS trusts the server's certificate; nil without Options.TLS.
func (s *Server) ClientTLS() *tls.Config { return s.client }

// Messages are those accepted so far, in order.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Wait returns the messages once there are at least n, or what there is with the
// context's error.
func (s *Server) Wait(ctx context.Context, n int) ([]Message, error) {
	for {
		s.mu.Lock()
		messages, arrived := slices.Clone(s.messages), s.arrived
		s.mu.Unlock()
		if len(messages) >= n {
			return messages, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return messages, fmt.Errorf("wait for %d messages, %d arrived: %w", n, len(messages), ctx.Err())
		}
	}
}

// Close ends the server and its connections.
func (s *Server) Close() error {
	err := s.smtp.Close()
	// The server does not know a listener that Serve has not reached yet.
	_ = s.listener.Close()
	<-s.done
	if err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close mail server: %w", err)
	}
	return nil
}

func (s *Server) store(m Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.messages) >= maxMessages {
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "mailbox full"}
	}
	s.messages = append(s.messages, m)
	close(s.arrived)
	s.arrived = make(chan struct{})
	return nil
}

// session is the dialog with one client.
type session struct {
	server *Server
	known  bool
	from   string
	to     []string
}

// AuthMechanisms offers PLAIN when a password is set.
func (c *session) AuthMechanisms() []string {
	if c.server.options.Username == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth checks the password.
func (c *session) Auth(string) (sasl.Server, error) {
	o := c.server.options
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != o.Username || password != o.Password {
			return smtp.ErrAuthFailed
		}
		c.known = true
		return nil
	}), nil
}

// Mail begins a message.
func (c *session) Mail(from string, _ *smtp.MailOptions) error {
	if c.server.options.Username != "" && !c.known {
		return smtp.ErrAuthRequired
	}
	c.from = from
	return nil
}

// Rcpt adds a recipient.
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if refuse := c.server.options.Recipient; refuse != nil {
		if err := refuse(to); err != nil {
			return err
		}
	}
	c.to = append(c.to, to)
	return nil
}

// Data takes the message itself.
func (c *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m := parse(data)
	m.From, m.To = c.from, slices.Clone(c.to)
	if refuse := c.server.options.Message; refuse != nil {
		if err := refuse(m); err != nil {
			return err
		}
	}
	return c.server.store(m)
}

// Reset forgets the message begun.
func (c *session) Reset() { c.from, c.to = "", nil }

// Logout ends the dialog.
func (c *session) Logout() error { return nil }

// quiet drops what the server would print.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}
