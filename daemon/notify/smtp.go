package notify

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	gomail "github.com/wneessen/go-mail"
)

// deliver sends the messages over one connection. What became of each is in the
// message; the error is that of the connection.
func (n *Notifier) deliver(ctx context.Context, messages []*gomail.Msg) error {
	// go-mail honors a context while connecting only; closing the connection
	// under it ends the rest.
	var conn net.Conn
	stop := func() bool { return true }
	dial := func(dialCtx context.Context, network, address string) (net.Conn, error) {
		c, err := n.dial(dialCtx, network, address)
		if err == nil {
			conn = c
			stop = context.AfterFunc(ctx, func() { _ = c.Close() })
		}
		return c, err
	}
	client, err := gomail.NewClient(n.cfg.Host, n.options(dial)...)
	if err != nil {
		return fmt.Errorf("set up mail client: %w", err)
	}
	defer func() { stop() }()
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return fmt.Errorf("connect to %s: %w", n.cfg.address(), err)
	}
	err = client.SendWithSMTPClient(session, messages...)
	// A failed goodbye loses nothing: every message has its own outcome.
	_ = client.CloseWithSMTPClient(session)
	return err
}

func (n *Notifier) options(dial gomail.DialContextFunc) []gomail.Option {
	options := []gomail.Option{
		gomail.WithPort(n.cfg.Port), gomail.WithTimeout(n.cfg.Timeout), gomail.WithTLSConfig(n.tlsConfig()),
		gomail.WithDialContextFunc(dial),
		// Addresses are ASCII, see parseAddress.
		gomail.WithoutSMTPUTF8(),
	}
	switch n.cfg.TLS {
	case TLSNone:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	case TLSImplicit:
		options = append(options, gomail.WithSSL())
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if n.cfg.HELO != "" {
		options = append(options, gomail.WithHELO(n.cfg.HELO))
	}
	if n.cfg.Username != "" {
		options = append(options, gomail.WithUsername(n.cfg.Username), gomail.WithPassword(n.cfg.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthCramMD5,
				gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return options
}

func (n *Notifier) tlsConfig() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if n.cfg.TLSConfig != nil {
		config = n.cfg.TLSConfig.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = n.cfg.Host
	}
	return config
}

func (n *Notifier) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if n.cfg.TLS == TLSImplicit {
		dialer := &tls.Dialer{Config: n.tlsConfig()}
		return dialer.DialContext(ctx, network, address)
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, address)
}
