package cli_test

import (
	"bytes"
	"errors"
	"os"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/fedora-respin/respin/repo/rpm"
	"github.com/fedora-respin/respin/repo/rpm/rpmtest"
)

// signRPM: signrpm KEY FILE... signs packages by a new key and writes its
// public half to KEY.
func signRPM(ts *testscript.TestScript, _ bool, args []string) {
	at := time.Unix(1767225600, 0)
	key, err := openpgp.NewEntity("QA", "", "qa@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, Time: func() time.Time { return at }})
	ts.Check(err)
	var asc bytes.Buffer
	w, err := armor.Encode(&asc, openpgp.PublicKeyType, nil)
	ts.Check(err)
	ts.Check(errors.Join(key.Serialize(w), w.Close(), os.WriteFile(ts.MkAbs(args[0]), asc.Bytes(), 0o644)))
	for _, name := range args[1:] {
		data, err := os.ReadFile(ts.MkAbs(name))
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs(name), rpmtest.Sign(data, key, rpmtest.SignOptions{Legacy: true}), 0o644))
	}
}

// oddRPM: oddrpm FILE makes a package that writes to the terminal, in latin1.
func oddRPM(ts *testscript.TestScript, _ bool, args []string) {
	data := rpmtest.Build(rpmtest.Spec{
		Name: "odd", Version: "1", Release: "1", Summary: "Zo\xeb\x1b[2J", Vendor: "two\nlines",
		Files:      []rpmtest.File{{Path: "/srv/a\n-rw-r--r-- 1 /etc/shadow"}},
		Requires:   rpmtest.Deps("bell\a"),
		Changelogs: []rpm.Changelog{{Time: 1767225600, Author: "Zo\xeb", Text: "- \x9bA"}},
	})
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), data, 0o644))
}
