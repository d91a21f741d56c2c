package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fedora-respin/respin/internal/shareddata"
)

func TestTheCommittedTablesAreTheGeneratedOnes(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile(filepath.Join(shareddata.Dir(t, "kickstart"), "ks-options.json"))
	if err != nil {
		t.Fatal(err)
	}
	additions, err := os.ReadFile("additions.json")
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(src, additions)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(shareddata.Root(t), "kickstart", "tables_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("kickstart/tables_gen.go is not what go generate makes of ks-options.json")
	}
}

func TestUnknownActionsAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ src, want string }{
		{`{"F44":{"lang":{"cls":"F44_Lang","opts":[{"o":["lang"],"dest":"lang","kind":"_NewAction"}]}}}`, `action "_NewAction" is not known`},
		{`{"F44":{"lang":{"cls":"F44_Lang","opts":[{"o":["lang"],"dest":"lang","kind":"_StoreAction","type":"new"}]}}}`, `converter "new" is not known`},
		{`{"F44":{"lang":{"cls":"F44_Lang","opts":[{"o":["lang"],"dest":"lang","kind":"_StoreAction","nargs":3}]}}}`, "nargs 3 is not known"},
		{`[]`, "parse option tables"},
	} {
		if _, err := generate([]byte(tt.src), []byte("{}")); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.src, err, tt.want)
		}
	}
}
