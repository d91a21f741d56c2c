package daemon

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/fedora-respin/respin/compose"
)

// Config is the whole configuration of a daemon or a node. Its zero value,
// completed by Defaults, runs against the real Fedora on 127.0.0.1:8080.
//
// In the file keys are written as in the koanf tags; in the environment as
// RESPIN_ and the path in capitals with underscores, RESPIN_KOJI_HUB.
type Config struct {
	// Listen is host:port of REST and pages. Default 127.0.0.1:8080.
	Listen string `koanf:"listen" validate:"required,hostname_port"`
	// URL is how users reach it. Default: http:// and Listen.
	URL string `koanf:"url" validate:"omitempty,http_url"`
	// Data is the directory of everything that must survive. Default:
	// /var/lib/respin for root, else $XDG_DATA_HOME/respin.
	Data string `koanf:"data" validate:"required"`

	Queue      QueueConfig      `koanf:"queue"`
	Koji       KojiConfig       `koanf:"koji"`
	Bodhi      BodhiConfig      `koanf:"bodhi"`
	COPR       COPRConfig       `koanf:"copr"`
	Kickstarts KickstartsConfig `koanf:"kickstarts"`
	Keys       KeysConfig       `koanf:"keys"`
	Node       NodeConfig       `koanf:"node"`
	Runner     RunnerConfig     `koanf:"runner"`
	Publish    []PublishConfig  `koanf:"publish" validate:"dive"`
	SMTP       SMTPConfig       `koanf:"smtp"`
	Auth       AuthConfig       `koanf:"auth"`
	Quotas     QuotaConfig      `koanf:"quotas"`
	Limits     LimitConfig      `koanf:"limits"`
	// TTL is how long the files of a compose stay. Default 336h.
	TTL time.Duration `koanf:"ttl" validate:"min=1m"`
}

// QueueConfig is about the queue that hands composes to build nodes.
type QueueConfig struct {
	// Listen is host:port for nodes of other processes; "none" for none.
	// Default 127.0.0.1:4222; port 0 picks a free one.
	Listen string `koanf:"listen" validate:"required"`
	// Advertise is host:port as nodes reach it, for their credentials. Default:
	// Listen.
	Advertise string `koanf:"advertise" validate:"omitempty,hostname_port"`
	// Lease is how long a silent node keeps a compose. Default 60s.
	Lease time.Duration `koanf:"lease" validate:"min=1s"`
}

// KojiConfig says where Koji is. The defaults are Fedora's.
type KojiConfig struct {
	Hub    string `koanf:"hub" validate:"required,http_url"`
	TopURL string `koanf:"topurl" validate:"required,http_url"`
}

// BodhiConfig says where Bodhi is. The default is Fedora's.
type BodhiConfig struct {
	URL string `koanf:"url" validate:"required,http_url"`
}

// COPRConfig says where COPR serves its results. The default is Fedora's.
type COPRConfig struct {
	URL string `koanf:"url" validate:"required,http_url"`
}

// KickstartsConfig says where fedora-kickstarts is served; see
// compose.DefaultKickstarts, which is the default.
type KickstartsConfig struct {
	URL string `koanf:"url" validate:"required,startswith=http,contains={file}"`
}

// KeysConfig says which signatures count where they are required; see
// compose.Keys. Without it a signature counts by the key that it names.
type KeysConfig struct {
	// Dir holds public keys, as /etc/pki/rpm-gpg. With it required signatures are
	// verified, and must be by one of them.
	Dir string `koanf:"dir"`
	// Releases holds the ids of the keys of releases: the last 8 or 16 digits or
	// the fingerprint. In the environment "44=6d9f90a6 45=f577861e,31645531".
	Releases ReleaseKeys `koanf:"releases"`
}

// ReleaseKeys are ids of keys by release.
type ReleaseKeys map[string][]string

// UnmarshalText reads the form of the environment.
func (k *ReleaseKeys) UnmarshalText(text []byte) error {
	*k = ReleaseKeys{}
	for pair := range strings.FieldsSeq(string(text)) {
		release, ids, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%q is not written as RELEASE=ID,ID", pair)
		}
		(*k)[release] = append((*k)[release], strings.Split(ids, ",")...)
	}
	return nil
}

// Load reads the keys that the configuration names.
func (c *KeysConfig) Load() (compose.Keys, error) {
	keys := compose.Keys{Releases: c.Releases}
	if c.Dir == "" {
		return keys, nil
	}
	ring, err := compose.ReadKeyring(c.Dir)
	if err != nil {
		return keys, fmt.Errorf("keys.dir: %w", err)
	}
	keys.Keyring = ring
	return keys, nil
}

func (c *KeysConfig) check() error {
	var errs []error
	for _, release := range slices.Sorted(maps.Keys(c.Releases)) {
		for _, id := range c.Releases[release] {
			if err := compose.CheckKeyID(id); err != nil {
				errs = append(errs, fmt.Errorf("keys.releases.%s: %w", release, err))
			}
		}
	}
	return errors.Join(errs...)
}

// NodeConfig is about the build node of this process.
type NodeConfig struct {
	// ID names it. Default: the host's name, "-1" appended.
	ID string `koanf:"id"`
	// Work is where it builds. Default: Data/work.
	Work string `koanf:"work"`
	// Offers narrows what it builds to these kinds. Default: all that the host can.
	Offers []string `koanf:"offers" validate:"dive,oneof=repo repo-iso updates-img remaster boot-iso dvd live disk pxe-live tar oci"`
	// Slots is how many composes it builds at a time. Default 1.
	Slots int `koanf:"slots" validate:"min=1,max=64"`
	// Disabled runs the daemon without a node (--no-node).
	Disabled bool `koanf:"disabled"`
	// Timeout ends a compose that takes longer. Default 4h.
	Timeout time.Duration `koanf:"timeout" validate:"min=1s"`
}

// PublishConfig is one further place where the node of this process puts the
// results it made, besides the daemon's own hosting.
type PublishConfig struct {
	FTP *FTPConfig `koanf:"ftp" validate:"required"`
}

// FTPConfig is an FTP server.
type FTPConfig struct {
	Addr     string `koanf:"addr" validate:"required,hostname_port"`
	User     string `koanf:"user"`
	Password Secret `koanf:"password"`
	Dir      string `koanf:"dir"`
	URL      string `koanf:"url" validate:"omitempty,url"` // where the files can be fetched, for links
	TLS      bool   `koanf:"tls"`
}

// SMTPConfig is the mail server. Without Host no mail is sent.
type SMTPConfig struct {
	Host     string `koanf:"host"`
	Port     int    `koanf:"port" validate:"min=0,max=65535"`
	From     string `koanf:"from" validate:"required_with=Host,omitempty,email"`
	Username string `koanf:"username"`
	Password Secret `koanf:"password"`
	TLS      string `koanf:"tls" validate:"omitempty,oneof=none starttls tls"`
}

// AuthConfig says who may do what.
type AuthConfig struct {
	// Anonymous is what a caller without a token may do: "submit" (also cancel,
	// renew and delete) or "read". Default: submit when Listen and URL are of this
	// host only, else read: behind a proxy every caller would look local.
	Anonymous string `koanf:"anonymous" validate:"omitempty,oneof=submit read"`
}

// QuotaConfig bounds what users may ask for at a time.
type QuotaConfig struct {
	// Waiting is how many unfinished composes may stand. Default 200.
	Waiting int `koanf:"waiting" validate:"min=1"`
}

// LimitConfig bounds what the daemon takes and keeps.
type LimitConfig struct {
	// Upload is the most bytes of one uploaded file. Default 16 GiB.
	Upload int64 `koanf:"upload" validate:"min=1"`
	// DiskFloor is the room in bytes that stays free. Default 1 GiB.
	DiskFloor int64 `koanf:"disk_floor" validate:"min=1"`
	// Cache is the most bytes of downloads that are kept, in each of the caches
	// of resolver and node. Running builds may need more. 0 for no bound.
	// Default 20 GiB.
	Cache int64 `koanf:"cache" validate:"min=0"`
	// PerHost is how many transfers one server has to serve at a time. Default 8.
	PerHost int `koanf:"per_host" validate:"min=1,max=64"`
	// Rate bounds what all downloads of the resolver, and of the node, take
	// together, in bytes a second. Default 0: no bound.
	Rate int `koanf:"rate" validate:"min=0"`
	// TrustHosts are private servers (host or host:port) that requests may name.
	// Those of koji and of the daemon itself are trusted anyway.
	TrustHosts []string `koanf:"trust_hosts"`
}

// Secret is a text that is never printed.
type Secret string

// String hides the secret.
func (Secret) String() string { return "(hidden)" }

// MarshalText hides the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte("(hidden)"), nil }

// Defaults returns the configuration that nothing was configured in.
func Defaults() Config {
	return Config{
		Listen:     "127.0.0.1:8080",
		Data:       defaultData(),
		Queue:      QueueConfig{Listen: "127.0.0.1:4222", Lease: time.Minute},
		Koji:       KojiConfig{Hub: "https://koji.fedoraproject.org/kojihub", TopURL: "https://kojipkgs.fedoraproject.org/"},
		Bodhi:      BodhiConfig{URL: "https://bodhi.fedoraproject.org/"},
		COPR:       COPRConfig{URL: compose.DefaultCOPR},
		Kickstarts: KickstartsConfig{URL: compose.DefaultKickstarts},
		Node:       NodeConfig{Slots: 1, Timeout: 4 * time.Hour},
		Quotas:     QuotaConfig{Waiting: 200},
		Limits:     LimitConfig{Upload: 16 << 30, DiskFloor: 1 << 30, Cache: 20 << 30, PerHost: 8},
		TTL:        14 * 24 * time.Hour,
	}
}

func defaultData() string {
	if os.Geteuid() == 0 {
		return "/var/lib/respin"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "respin")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "respin-data"
	}
	return filepath.Join(home, ".local", "share", "respin")
}

// notConfig are variables of the command line that share the prefix.
var notConfig = map[string]bool{"RESPIN_SERVER": true, "RESPIN_TOKEN": true, "RESPIN_CONFIG": true}

// LoadConfig reads the file at path ("" for none) and then the environment
// (as os.Environ gives it) over the defaults. Unknown keys and bad values are
// all named at once.
func LoadConfig(path string, environ []string) (Config, error) {
	c := Defaults()
	k := koanf.New(".")
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return c, fmt.Errorf("read configuration %s: %w", path, err)
		}
	}
	keys := envKeys()
	var unknown []string
	err := k.Load(env.Provider(".", env.Opt{
		Prefix:      "RESPIN_",
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if notConfig[name] {
				return "", nil
			}
			key, ok := keys[name]
			if !ok {
				unknown = append(unknown, name)
				return "", nil
			}
			return key, value
		},
	}), nil)
	if err != nil {
		return c, fmt.Errorf("read environment: %w", err)
	}
	var errs []error
	for _, name := range unknown {
		errs = append(errs, fmt.Errorf("the environment variable %s names no configuration key", name))
	}
	err = k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{Tag: "koanf", DecoderConfig: &mapstructure.DecoderConfig{
		Result: &c, ErrorUnused: true, WeaklyTypedInput: true, TagName: "koanf",
		DecodeHook: mapstructure.ComposeDecodeHookFunc(mapstructure.TextUnmarshallerHookFunc(), mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}})
	if err != nil {
		errs = append(errs, err)
	}
	if err := errors.Join(append(errs, c.Complete())...); err != nil {
		return c, &ConfigError{Path: path, Err: err}
	}
	return c, nil
}

// ConfigError says everything that is wrong with a configuration.
type ConfigError struct {
	Path string // "" when only the environment was read
	Err  error
}

func (e *ConfigError) Error() string {
	where := "configuration"
	if e.Path != "" {
		where += " " + e.Path
	}
	return where + " is not valid:\n" + e.Err.Error()
}

// Unwrap returns the joined reasons.
func (e *ConfigError) Unwrap() error { return e.Err }

// envKeys maps RESPIN_KOJI_HUB to koji.hub, for every plain key of Config.
func envKeys() map[string]string {
	keys := map[string]string{}
	var walk func(t reflect.Type, path string)
	walk = func(t reflect.Type, path string) {
		for f := range t.Fields() {
			key := strings.TrimPrefix(path+"."+f.Tag.Get("koanf"), ".")
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type, key)
				if _, plain := reflect.TypeAssert[encoding.TextUnmarshaler](reflect.New(f.Type)); !plain {
					continue
				}
			}
			keys["RESPIN_"+strings.ToUpper(strings.ReplaceAll(key, ".", "_"))] = key
		}
	}
	walk(reflect.TypeFor[Config](), "")
	return keys
}

// Complete fills in what follows from other fields and checks all of them.
func (c *Config) Complete() error {
	validate := validator.New(validator.WithRequiredStructEnabled())
	validate.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("koanf") })
	var errs []error
	if err := validate.Struct(c); err != nil {
		fields, ok := errors.AsType[validator.ValidationErrors](err)
		if !ok {
			return fmt.Errorf("check configuration: %w", err)
		}
		for _, f := range fields {
			_, path, _ := strings.Cut(f.Namespace(), ".")
			rule := f.Tag()
			if f.Param() != "" {
				rule += "=" + f.Param()
			}
			errs = append(errs, fmt.Errorf("%s: the value %q does not satisfy %s", path, fmt.Sprint(f.Value()), rule))
		}
		return errors.Join(errs...)
	}
	if err := errors.Join(c.Keys.check(), c.Runner.check()); err != nil {
		return err
	}
	if c.URL == "" {
		c.URL = "http://" + c.Listen
	}
	c.URL = strings.TrimSuffix(c.URL, "/")
	if c.Node.ID == "" {
		host, _ := os.Hostname()
		c.Node.ID = tokenOf(host) + "-1"
	}
	if c.Node.Work == "" {
		c.Node.Work = filepath.Join(c.Data, "work")
	}
	if c.Auth.Anonymous == "" {
		c.Auth.Anonymous = "read"
		public, err := url.Parse(c.URL)
		if host, _, listenErr := net.SplitHostPort(c.Listen); listenErr == nil && isLoopback(host) && err == nil && isLoopback(public.Hostname()) {
			c.Auth.Anonymous = "submit"
		}
	}
	if c.SMTP.TLS == "" {
		c.SMTP.TLS = "starttls"
	}
	return nil
}

// trusted lists the hosts that a request may lead to whatever their address.
func (c *Config) trusted() []string {
	hosts := append([]string{}, c.Limits.TrustHosts...)
	for _, raw := range []string{c.Koji.Hub, c.Koji.TopURL, c.COPR.URL, c.Kickstarts.URL, c.URL} {
		if u, err := url.Parse(raw); err == nil && u.Host != "" {
			hosts = append(hosts, u.Host)
		}
	}
	return hosts
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// tokenOf makes a queue token of any text.
func tokenOf(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, s)
	if s == "" {
		return "node"
	}
	return s[:min(len(s), 48)]
}
