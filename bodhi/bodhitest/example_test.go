package bodhitest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
)

func Example() {
	hub := bodhitest.New(bodhitest.Options{})
	_ = hub.AddRelease(bodhitest.Fedora(44))
	_, _ = hub.AddUpdate(bodhitest.Update{Release: "F44", Builds: []bodhi.Build{{NVR: "vim-9.1-1.fc44"}}})
	server := httptest.NewServer(hub)
	defer server.Close()

	client, err := bodhi.New(server.URL, bodhi.Options{Retries: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Update(context.Background(), "vim")
	fmt.Println(err)

	hub.SetFault(bodhitest.Fault{Status: 502})
	_, err = client.Release(context.Background(), "F44")
	fmt.Println(errors.Is(err, bodhi.ErrUnreachable))
	// Output:
	// ask update vim: "vim" is the name of a package, not the alias of an update (FEDORA-2024-f39890a065)
	// true
}
