package fetch

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Policy says what may be reached. The zero value allows http and https to
// public addresses. It is applied to every URL, to every redirect, and, on the
// resolved address, to every connection at the moment it is made.
type Policy struct {
	AllowFile     bool // file:// URLs of regular files
	AllowLoopback bool // 127.0.0.0/8, ::1
	AllowPrivate  bool // RFC 1918, unique local, link-local, shared and benchmark ranges
	// TrustHosts names servers that the operator configured ("host" or
	// "host:port"): their addresses are not judged.
	TrustHosts []string
}

const maxRedirects = 10

// CheckURL returns a *RefusedError when u may not be asked for.
func (p Policy) CheckURL(u *url.URL) error {
	refuse := func(format string, args ...any) error {
		return &RefusedError{URL: u.Redacted(), Reason: fmt.Sprintf(format, args...)}
	}
	switch u.Scheme {
	case "http", "https":
	case "file":
		if !p.AllowFile {
			return refuse("file URLs are not allowed")
		}
		if u.Host != "" && u.Host != "localhost" {
			return refuse("a file URL must not name another host")
		}
		return nil
	default:
		return refuse("the scheme %q is not allowed, only http and https", u.Scheme)
	}
	if u.Hostname() == "" {
		return refuse("the host is missing")
	}
	if p.trusts(hostPort(u)) {
		return nil
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
		if reason := p.refuseAddr(ip); reason != "" {
			return refuse("%s", reason)
		}
	}
	return nil
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func (p Policy) trusts(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(p.TrustHosts, func(t string) bool {
		return strings.EqualFold(t, addr) || strings.EqualFold(strings.Trim(t, "[]"), host)
	})
}

// refuseAddr names what is wrong with ip, "" for nothing. Sources: the IANA
// special-purpose address registries (RFC 6890).
func (p Policy) refuseAddr(ip netip.Addr) string {
	ip = embedded(ip.Unmap().WithZone(""))
	switch {
	case ip.IsLoopback(), ip.IsUnspecified(), in(ip, "0.0.0.0/8"):
		// Linux connects 0.0.0.0 and :: to the loopback interface.
		if !p.AllowLoopback {
			return fmt.Sprintf("the address %s is this machine itself", ip)
		}
	case ip.IsMulticast(), in(ip, "240.0.0.0/4", "2001::/32"):
		return fmt.Sprintf("the address %s is no server's", ip)
	case ip.IsPrivate(), ip.IsLinkLocalUnicast(),
		in(ip, "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "fec0::/10"):
		if !p.AllowPrivate {
			return fmt.Sprintf("the address %s belongs to a private network", ip)
		}
	}
	return ""
}

func in(ip netip.Addr, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(s string) bool { return netip.MustParsePrefix(s).Contains(ip) })
}

// embedded returns the IPv4 address that a translating IPv6 address stands
// for: NAT64 (RFC 6052) and 6to4 (RFC 3056).
func embedded(ip netip.Addr) netip.Addr {
	b := ip.As16()
	switch {
	case in(ip, "64:ff9b::/96"):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case in(ip, "2002::/16"):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// guard makes the transport's connections obey the policy.
type guard struct {
	policy  Policy
	mu      sync.Mutex
	proxies map[string]bool // host:port of proxies that the operator's Proxy function named
}

// install puts the guard into t.
func (g *guard) install(t *http.Transport) {
	if proxy := t.Proxy; proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) { return g.proxied(r, proxy) }
	}
	free := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	plain := free.DialContext
	if t.DialContext != nil {
		plain = t.DialContext
	}
	judged := g.judgedDial(t.DialContext)
	t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if g.policy.trusts(addr) || g.isProxy(addr) {
			return plain(ctx, network, addr)
		}
		return judged(ctx, network, addr)
	}
	t.DialTLSContext = nil
}

// judgedDial refuses before the first packet with the ordinary dialer, and
// after the connection, before the first byte, with a caller's own.
func (g *guard) judgedDial(own dialFunc) dialFunc {
	if own == nil {
		d := &net.Dialer{
			Timeout: 30 * time.Second, KeepAlive: 30 * time.Second,
			ControlContext: func(_ context.Context, _, addr string, _ syscall.RawConn) error { return g.judgeAddr(addr) },
		}
		return d.DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := own(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if err := g.judgeAddr(conn.RemoteAddr().String()); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return conn, nil
	}
}

func (g *guard) judgeAddr(addr string) error {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return &RefusedError{URL: addr, Reason: "the connection's address cannot be judged"}
	}
	if reason := g.policy.refuseAddr(ap.Addr()); reason != "" {
		return &RefusedError{URL: addr, Reason: reason}
	}
	return nil
}

func (g *guard) isProxy(addr string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.proxies[addr]
}

// proxied asks the operator's Proxy function and, because the proxy will do
// the dialing, judges the target by the addresses that its name has here. A
// name that only the proxy can resolve passes.
func (g *guard) proxied(r *http.Request, proxy func(*http.Request) (*url.URL, error)) (*url.URL, error) {
	via, err := proxy(r)
	if via == nil || err != nil {
		return via, err
	}
	if !g.policy.trusts(hostPort(r.URL)) {
		addrs, _ := net.DefaultResolver.LookupNetIP(r.Context(), "ip", r.URL.Hostname())
		for _, ip := range addrs {
			if reason := g.policy.refuseAddr(ip); reason != "" {
				return nil, &RefusedError{URL: r.URL.Redacted(), Reason: reason}
			}
		}
	}
	addr := hostPort(via)
	if via.Scheme == "socks5" || via.Scheme == "socks5h" {
		if via.Port() == "" {
			addr = net.JoinHostPort(via.Hostname(), "1080")
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.proxies[addr] = true
	return via, nil
}

// checkRedirect judges each step of a redirect chain.
func (p Policy) checkRedirect(r *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return &RefusedError{URL: via[0].URL.Redacted(), Reason: fmt.Sprintf("more than %d redirects", maxRedirects)}
	}
	if r.URL.Scheme == "file" {
		return &RefusedError{URL: r.URL.Redacted(), Reason: "a redirect must not lead to a file"}
	}
	return p.CheckURL(r.URL)
}
