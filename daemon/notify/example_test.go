package notify_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/daemon/notify"
	"github.com/fedora-respin/respin/daemon/notify/smtptest"
)

func Example() {
	server, err := smtptest.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = server.Close() }()
	n, err := notify.New(notify.Config{Host: "127.0.0.1", Port: server.Port(), From: "respin@example.org", TLS: notify.TLSNone})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = n.Send(context.Background(), notify.Message{
		To: []string{"qa@example.org"},
		Event: notify.Event{
			ID: "c-1", Kind: "repo", Release: "44", Arch: "x86_64", State: notify.StateFailed,
			LogURL:  "https://respin.example.org/api/v1/composes/c-1/log",
			Failure: &notify.Failure{Code: "no_rpms", Stage: "fetch", Sentence: "The build has no RPMs for x86_64."},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	message := server.Messages()[0]
	fmt.Println(message.Subject)
	fmt.Println()
	body, _, _ := strings.Cut(message.Text, "\n-- \n")
	fmt.Print(body)
	// Output:
	// respin: repo for Fedora 44 (x86_64) failed: no_rpms
	//
	// The repo for Fedora 44 (x86_64) failed.
	//
	// The build has no RPMs for x86_64.
	//
	// Code: no_rpms
	// Stage: fetch
	//
	// Compose: c-1
	//
	// Log: https://respin.example.org/api/v1/composes/c-1/log
}
