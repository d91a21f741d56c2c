package kickstart

import (
	"fmt"
	"strings"
)

// reservedRepo is a name that anaconda keeps for itself
// (livemedia-creator's documentation); a repo command of this name may be lost.
const reservedRepo = "updates"

// check refuses what would not reach the installer as it is meant.
func (r Repo) check() error {
	if err := checkRepoName(r.Name); err != nil {
		return err
	}
	if err := checkSource([]field{{"BaseURL", r.BaseURL}, {"MirrorList", r.MirrorList}, {"Metalink", r.Metalink}}, r.Proxy); err != nil {
		return err
	}
	if r.Cost < 0 || r.Cost > 1<<30 {
		return &ValueError{"Cost", "is not between 0 and 2^30"}
	}
	for _, l := range []struct {
		field string
		list  []string
	}{{"IncludePkgs", r.IncludePkgs}, {"ExcludePkgs", r.ExcludePkgs}} {
		for _, name := range l.list {
			if err := checkListItem(l.field, name); err != nil {
				return err
			}
		}
	}
	return checkPaths([]field{{"SSLCACert", r.SSLCACert}, {"SSLClientCert", r.SSLClientCert}, {"SSLClientKey", r.SSLClientKey}})
}

// check refuses what would not reach the installer as it is meant.
func (u URL) check() error {
	if err := checkSource([]field{{"URL", u.URL}, {"MirrorList", u.MirrorList}, {"Metalink", u.Metalink}}, u.Proxy); err != nil {
		return err
	}
	return checkPaths([]field{{"SSLCACert", u.SSLCACert}, {"SSLClientCert", u.SSLClientCert}, {"SSLClientKey", u.SSLClientKey}})
}

// field is a value with the name that errors call it by.
type field struct{ name, value string }

// checkSource wants exactly one address, and a proxy that is one.
func checkSource(addresses []field, proxy string) error {
	given := 0
	for _, u := range append(addresses, field{"Proxy", proxy}) {
		if u.value == "" {
			continue
		}
		if u.name != "Proxy" {
			given++
		}
		if err := checkURL(u.name, u.value); err != nil {
			return err
		}
	}
	if given != 1 {
		return &ValueError{addresses[0].name, "exactly one of " + addresses[0].name + ", MirrorList and Metalink must be set"}
	}
	return nil
}

// checkListItem takes one name or glob of a list with commas.
func checkListItem(field, name string) error {
	if err := checkWord(field, name); err != nil {
		return err
	}
	if strings.Contains(name, ",") || strings.HasPrefix(name, "-") {
		return &ValueError{field, "holds a comma or starts with a dash: give one name or glob per item"}
	}
	return nil
}

// checkPaths takes absolute paths of the installing machine.
func checkPaths(paths []field) error {
	for _, p := range paths {
		if err := checkText(p.name, p.value); err != nil {
			return err
		}
		if p.value != "" && !strings.HasPrefix(p.value, "/") {
			return &ValueError{p.name, "is no absolute path"}
		}
	}
	return nil
}

// checkRepoName takes what libdnf takes as the id of a repository.
func checkRepoName(name string) error {
	if err := checkWord("Name", name); err != nil {
		return err
	}
	if i := strings.IndexFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:", r)
	}); i >= 0 {
		return &ValueError{"Name", fmt.Sprintf("holds %q: only letters, digits and - _ . : make a repository id", name[i:i+1])}
	}
	if strings.HasPrefix(name, "-") {
		return &ValueError{"Name", "starts with a dash"}
	}
	if name == reservedRepo {
		return &ValueError{"Name", `"updates" is reserved by anaconda: choose another name`}
	}
	return nil
}

// checkURL wants a scheme, so that no address is taken for an option or path.
func checkURL(field, s string) error {
	if err := checkWord(field, s); err != nil {
		return err
	}
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || rest == "" || scheme == "" || strings.IndexFunc(scheme, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) >= 0 {
		return &ValueError{field, "is no URL: it does not start with a scheme such as https:"}
	}
	return nil
}
