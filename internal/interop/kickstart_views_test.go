//go:build interop

package interop_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	ks "github.com/fedora-respin/respin/kickstart"
)

// ksText turns values of pykickstart's objects and of ours into one form: no
// difference between what is missing, None, False, 0 and empty.
func ksText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		list := make([]string, len(v))
		for i, x := range v {
			list[i] = ksText(x)
		}
		return strings.Join(list, ",")
	case []string:
		return strings.Join(v, ",")
	case bool:
		return map[bool]string{true: "True"}[v]
	case int:
		return map[bool]string{true: strconv.Itoa(v)}[v != 0]
	default:
		s := fmt.Sprint(v)
		if s == "False" || s == "0" {
			return ""
		}
		return s
	}
}

// ksRow prints name=value pairs of one object.
func ksRow(theirs map[string]any, names ...string) string {
	var row []string
	for _, n := range names {
		row = append(row, n+"="+ksText(theirs[n]))
	}
	return strings.Join(row, " ")
}

// ksOurs prints our pairs as ksRow does.
func ksOurs(pairs ...any) string {
	var row []string
	for i := 0; i < len(pairs); i += 2 {
		row = append(row, fmt.Sprintf("%v=%s", pairs[i], ksText(pairs[i+1])))
	}
	return strings.Join(row, " ")
}

// ksTheirViews prints what pykickstart's handler holds, one thing a line.
func ksTheirViews(v *ksViews) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	add("environment %s", v.Environment)
	for _, g := range v.Groups {
		add("group %v %v", g[0], g[1])
	}
	add("-groups %q", v.ExcludedGroups)
	add("packages %q", v.Packages)
	add("excluded %q", v.Excluded)
	add("header %s", ksText(v.Header))
	for _, r := range v.Repos {
		add("repo %s", ksRow(r, "name", "baseurl", "mirrorlist", "metalink", "cost", "includepkgs", "excludepkgs", "proxy", "noverifyssl", "install", "sslcacert", "sslclientcert", "sslclientkey"))
	}
	for _, s := range v.Scripts {
		// pykickstart forgets to throw the lines of an empty script away and puts
		// them in front of the next.
		s[5] = strings.TrimLeft(fmt.Sprint(s[5]), "\n")
		add("script %v", s)
	}
	for _, c := range v.Certificates {
		add("certificate %q", c)
	}
	for _, p := range v.Partitions {
		add("part %s", ksRow(p, "mountpoint", "size", "maxSizeMB", "grow", "fstype", "disk", "label", "onPart", "encrypted", "recommended", "hibernation", "fsopts", "primOnly", "format", "resize"))
	}
	for _, u := range v.Users {
		add("user %s", ksRow(u, "name", "groups", "homedir", "password", "isCrypted", "lock", "shell", "uid", "gid", "gecos"))
	}
	for _, n := range v.Networks {
		add("network %s", ksRow(n, "device", "bootProto", "hostname", "ip", "netmask", "gateway", "nameserver", "ipv6", "ipv6gateway", "onboot",
			"activate", "mtu", "essid", "bondslaves", "bridgeslaves", "vlanid", "interfacename", "noipv4", "noipv6"))
	}
	add("services %s", ksRow(v.Services, "enabled", "disabled"))
	add("rootpw %s", ksRow(v.RootPW, "password", "isCrypted", "lock", "allow_ssh"))
	add("bootloader %s", ksRow(v.Bootloader, "location", "appendLine", "timeout", "disabled", "bootDrive", "extlinux", "nombr"))
	add("lang %s", ksRow(v.Lang, "lang", "addsupport"))
	add("keyboard %s", ksRow(v.Keyboard, "_keyboard", "vc_keymap", "x_layouts"))
	add("timezone %s", ksRow(v.Timezone, "timezone", "isUtc"))
	return out
}

// ksOurViews prints what our views say in the same form.
func ksOurViews(doc *ks.Document) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	p := doc.Packages()
	add("environment %s", p.Environment)
	for _, g := range p.Groups {
		add("group %v %v", g.Name, map[ks.GroupLevel]int{ks.GroupMandatory: 0, ks.GroupDefault: 1, ks.GroupOptional: 2}[g.Level])
	}
	add("-groups %q", slices.Concat([]string{}, p.ExcludedGroups))
	add("packages %q", slices.Concat([]string{}, p.Packages))
	add("excluded %q", slices.Concat([]string{}, p.Excluded))
	add("header %s", ksText([]any{p.Default, p.ExcludeDocs, p.IgnoreMissing, p.IgnoreBroken, p.NoCore, p.Multilib, p.ExcludeWeakDeps, p.InstLangs, p.Timeout, p.Retries}))
	for _, r := range doc.Repos() {
		add("repo %s", ksOurs("name", r.Name, "baseurl", r.BaseURL, "mirrorlist", r.MirrorList, "metalink", r.Metalink, "cost", r.Cost, "includepkgs", r.IncludePkgs,
			"excludepkgs", r.ExcludePkgs, "proxy", r.Proxy, "noverifyssl", r.NoVerifySSL, "install", r.Install,
			"sslcacert", r.SSLCACert, "sslclientcert", r.SSLClientCert, "sslclientkey", r.SSLClientKey))
	}
	for _, s := range doc.Scripts() {
		if strings.TrimSpace(s.Body) == "" {
			continue // pykickstart drops empty scripts
		}
		kind := slices.Index([]string{"%pre", "%post", "%traceback", "%pre-install", "%onerror"}, s.Section)
		add("script %v", []any{kind, s.Interpreter, s.Log, s.ErrorOnFail, s.Section == "%post" && !s.NoChroot, strings.TrimLeft(s.Body, "\n")})
	}
	for _, c := range doc.Certificates() {
		add("certificate %q", []string{c.Filename, c.Dir, c.Type, c.Body})
	}
	for _, p := range doc.Partitions() {
		add("part %s", ksOurs("mountpoint", p.Mountpoint, "size", p.Size, "maxSizeMB", p.MaxSize, "grow", p.Grow, "fstype", p.FSType, "disk", p.Disk, "label", p.Label,
			"onPart", p.OnPart, "encrypted", p.Encrypted, "recommended", p.Recommended, "hibernation", p.Hibernation, "fsopts", p.FSOptions,
			"primOnly", p.AsPrimary, "format", !p.NoFormat, "resize", p.Resize))
	}
	for _, u := range doc.Users() {
		add("user %s", ksOurs("name", u.Name, "groups", u.Groups, "homedir", u.Home, "password", u.Password, "isCrypted", u.Crypted, "lock", u.Locked,
			"shell", u.Shell, "uid", u.UID, "gid", u.GID, "gecos", u.Gecos))
	}
	for _, n := range doc.Networks() {
		add("network %s", ksOurs("device", n.Device, "bootProto", n.BootProto, "hostname", n.Hostname, "ip", n.IP, "netmask", n.Netmask, "gateway", n.Gateway,
			"nameserver", n.Nameserver, "ipv6", n.IPv6, "ipv6gateway", n.IPv6Gateway, "onboot", n.OnBoot, "activate", n.Activate, "mtu", n.MTU, "essid", n.ESSID,
			"bondslaves", n.BondSlaves, "bridgeslaves", n.BridgeSlaves, "vlanid", n.VLANID, "interfacename", n.InterfaceName, "noipv4", n.NoIPv4, "noipv6", n.NoIPv6))
	}
	s, _ := doc.Services()
	add("services %s", ksOurs("enabled", s.Enabled, "disabled", s.Disabled))
	pw, _ := doc.RootPW()
	add("rootpw %s", ksOurs("password", pw.Password, "isCrypted", pw.Crypted, "lock", pw.Locked, "allow_ssh", pw.AllowSSH))
	b, ok := doc.Bootloader()
	if ok && b.Location == "" {
		b.Location = "mbr"
	}
	add("bootloader %s", ksOurs("location", b.Location, "appendLine", b.Append, "timeout", b.Timeout, "disabled", b.Disabled, "bootDrive", b.Drive, "extlinux", b.ExtLinux, "nombr", b.NoMBR))
	l := doc.Locale()
	add("lang %s", ksOurs("lang", l.Lang, "addsupport", l.AddSupport))
	kbd, keymap := "", l.Keymap
	for c := range doc.Commands("keyboard") {
		if a, err := doc.Arguments(c); err == nil && a.Has("kbd") {
			kbd = a.Text("kbd")
		}
	}
	if keymap == kbd {
		keymap = ""
	}
	add("keyboard %s", ksOurs("_keyboard", kbd, "vc_keymap", keymap, "x_layouts", l.XLayouts))
	add("timezone %s", ksOurs("timezone", l.Timezone, "isUtc", l.UTC))
	return out
}

// ksViewsDiffer compares the views on a kickstart that both accept.
func ksViewsDiffer(doc *ks.Document, want *ksViews) string {
	return gocmp.Diff(ksTheirViews(want), ksOurViews(doc))
}

// TestKickstartVerdictsAndViews: over the whole data set and in all versions
// that matter, pykickstart and we agree on verdict, line, message and number of
// warnings, and on what the kickstart says.
func TestKickstartVerdictsAndViews(t *testing.T) {
	t.Parallel()
	_, files := ksFiles(t)
	for _, version := range []ks.Version{ks.F43, ks.F44, ks.F45, ks.RHEL9, ks.RHEL10} {
		t.Run(string(version), func(t *testing.T) {
			t.Parallel()
			oracle := newOracle(t)
			refused := 0
			for name, src := range files {
				text := string(src)
				want := oracle.ask(t, ksQuestion{Version: string(version), Text: &text, Fill: true})
				if want.Error != nil {
					refused++
				}
				if diff := ksDiffer(text, version, want); diff != "" {
					t.Errorf("%s: %s", name, diff)
					continue
				}
				doc, _, err := ks.Check(name, src, ks.Options{Version: version})
				if err != nil || want.Views == nil {
					continue
				}
				if diff := ksViewsDiffer(doc, want.Views); diff != "" {
					t.Errorf("%s (-pykickstart +ours):\n%s", name, diff)
				}
			}
			t.Logf("%s: %d kickstarts, %d refused", version, len(files), refused)
			if refused < 20 {
				t.Errorf("only %d refused", refused)
			}
		})
	}
}

// TestKickstartIncludesAreFollowedAlike: with includes followed, pykickstart and
// we accept the same files and find the same in them; what Flatten prints says
// the same to pykickstart as the files did.
func TestKickstartIncludesAreFollowedAlike(t *testing.T) {
	dir, files := ksFiles(t)
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	oracle := newOracle(t)
	compared, twice := 0, 0
	for name, src := range files {
		if !bytes.Contains(src, []byte("%include")) || bytes.Contains(src, []byte("%ksappend")) {
			continue
		}
		for _, ignore := range []bool{false, true} {
			want := oracle.ask(t, ksQuestion{Version: "F44", Path: filepath.Join(dir, name), Includes: true, IgnoreMissing: ignore, Fill: true})
			doc, err := ks.Parse(name, src, ks.Options{Version: ks.F44, Includes: ks.FSIncluder(root.FS()), IgnoreMissing: ignore})
			if (err == nil) != (want.Error == nil) {
				t.Errorf("%s: we %v, pykickstart %v", name, err, want.Error)
				continue
			}
			if err != nil {
				continue
			}
			compared++
			if diff := ksViewsDiffer(doc, want.Views); diff != "" {
				t.Errorf("%s (-pykickstart +ours):\n%s", name, diff)
			}
			text := doc.Flatten().String()
			got := oracle.ask(t, ksQuestion{Version: "F44", Text: &text, Fill: true})
			switch {
			case got.Error != nil || slices.ContainsFunc(got.Warnings, func(w string) bool { return !strings.Contains(w, "deprecated") }):
				t.Errorf("%s flattened: error %v, warnings %q", name, got.Error, got.Warnings)
			case len(want.Warnings) > 0:
				twice++ // things were defined twice, so the texts differ
			case got.Text != want.Text:
				t.Errorf("%s flattened (-pykickstart of the files +of the flattened):\n%s", name, gocmp.Diff(want.Text, got.Text))
			}
		}
	}
	t.Logf("%d compared, %d with something defined twice", compared, twice)
	if compared < 130 || twice == 0 {
		t.Errorf("only %d compared, %d with something defined twice", compared, twice)
	}
}
