package kickstart

// Network is a network command: a device to set up, or the host's name.
type Network struct {
	Device      string // name, MAC address, "link" or "bootif"; empty: the one the installer was booted from
	BootProto   string // dhcp (also when not given), bootp, static, query or ibft; empty with NoIPv4
	Hostname    string
	IP          string
	Netmask     string
	Gateway     string
	Nameserver  string // with commas between several
	IPv6        string // auto, dhcp, or address/prefix
	IPv6Gateway string
	MTU         string
	ESSID       string
	OnBoot      bool // true unless --onboot=no
	Activate    bool
	NoActivate  bool
	NoDNS       bool
	NoDefRoute  bool
	NoIPv4      bool
	NoIPv6      bool

	BondSlaves, BondOpts     string
	TeamSlaves, TeamConfig   string
	BridgeSlaves, BridgeOpts string
	VLANID                   string
	InterfaceName            string
	Pos                      Position
}

// Services is what the services commands say: systemd units to switch on and
// off on the installed system, with or without ".service".
type Services struct {
	Enabled, Disabled []string
	Pos               Position // of the last command
}

// Locale is what lang, keyboard and timezone say.
type Locale struct {
	Lang       string   // such as en_US.UTF-8
	AddSupport []string // more languages to install
	Keymap     string   // of the console: --vckeymap, or the bare argument
	XLayouts   []string // of the graphical desktop
	Timezone   string   // such as Europe/Prague
	UTC        bool     // the hardware clock runs in UTC
}

// Firewall is the firewall command.
type Firewall struct {
	Disabled bool
	Services []string // let in
	Removed  []string // --remove-service
	Ports    []string // "port:protocol"
	Trusted  []string // devices whose traffic passes
	Pos      Position // of the last command
}

// Networks lists the network commands in order.
func (d *Document) Networks() []Network {
	var out []Network
	d.each(func(a *Arguments, pos Position) {
		proto := a.text("bootProto")
		switch {
		case a.has("noipv4"):
			proto = ""
		case !a.given("bootProto"):
			proto = "dhcp"
		}
		out = append(out, Network{
			Device: a.text("device"), BootProto: proto, Hostname: a.text("hostname"), IP: a.text("ip"),
			Netmask: a.text("netmask"), Gateway: a.text("gateway"), Nameserver: a.text("nameserver"), IPv6: a.text("ipv6"),
			IPv6Gateway: a.text("ipv6gateway"), MTU: a.text("mtu"), ESSID: a.text("essid"),
			OnBoot: !a.given("onboot") || a.has("onboot"), Activate: a.has("activate"), NoActivate: a.given("activate") && !a.has("activate"),
			NoDNS: a.has("nodns"), NoDefRoute: a.has("nodefroute"), NoIPv4: a.has("noipv4"), NoIPv6: a.has("noipv6"),
			BondSlaves: a.text("bondslaves"), BondOpts: a.text("bondopts"), TeamSlaves: a.text("teamslaves"), TeamConfig: a.text("teamconfig"),
			BridgeSlaves: a.text("bridgeslaves"), BridgeOpts: a.text("bridgeopts"), VLANID: a.text("vlanid"),
			InterfaceName: a.text("interfacename"), Pos: pos,
		})
	}, "network")
	return out
}

// Services gives what the services commands say; false when there is none.
func (d *Document) Services() (Services, bool) {
	a, pos, ok := d.merged("services")
	return Services{Enabled: a.list("enabled"), Disabled: a.list("disabled"), Pos: pos}, ok
}

// Locale gives language, keyboard and time zone, as far as they are said.
func (d *Document) Locale() Locale {
	lang, _, _ := d.merged("lang")
	keyboard, _, _ := d.merged("keyboard")
	timezone, _, _ := d.merged("timezone")
	l := Locale{
		Lang: lang.text("lang"), AddSupport: lang.list("addsupport"), Keymap: keyboard.text("vc_keymap"), XLayouts: keyboard.list("x_layouts"),
		Timezone: timezone.text("timezone"), UTC: timezone.has("isUtc"),
	}
	if l.Keymap == "" {
		l.Keymap = keyboard.text("kbd")
	}
	return l
}

// SELinux gives the last selinux mode: "enforcing", "permissive", "disabled",
// or "" when none is said, which means enforcing.
func (d *Document) SELinux() (mode string, pos Position) {
	a, pos, _ := d.merged("selinux")
	return a.text("selinux"), pos
}

// Firewall gives the last firewall command; false when there is none.
func (d *Document) Firewall() (Firewall, bool) {
	a, pos, ok := d.merged("firewall")
	return Firewall{
		Disabled: a.given("enabled") && !a.has("enabled"), Services: a.list("services"), Removed: a.list("remove_services"),
		Ports: a.list("ports"), Trusted: a.list("trusts"), Pos: pos,
	}, ok
}
