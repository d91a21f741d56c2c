package bodhi_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/fedora-respin/respin/bodhi"
	"github.com/fedora-respin/respin/bodhi/bodhitest"
)

func Example() {
	hub := bodhitest.New(bodhitest.Options{})
	_ = hub.AddRelease(bodhitest.Fedora(44))
	_, _ = hub.AddUpdate(bodhitest.Update{
		Alias: "FEDORA-2026-1a2b3c4d5e", Release: "F44", Status: bodhi.StatusTesting,
		Builds:    []bodhi.Build{{NVR: "anaconda-44.12-1.fc44", Signed: true}, {NVR: "lorax-44.3-1.fc44", Signed: true}},
		Submitted: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC),
	})
	server := httptest.NewServer(hub)
	defer server.Close()

	client, err := bodhi.New(server.URL, bodhi.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	update, err := client.UpdateForBuild(context.Background(), "lorax-44.3-1.fc44")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(update.Alias, update.Status, update.InTestingRepo())
	for _, build := range update.RPMBuilds() {
		fmt.Println(build.NVR, build.Signed)
	}
	// Output:
	// FEDORA-2026-1a2b3c4d5e testing true
	// anaconda-44.12-1.fc44 true
	// lorax-44.3-1.fc44 true
}

func ExampleClient_Updates() {
	hub := bodhitest.New(bodhitest.Options{})
	_ = hub.AddRelease(bodhitest.Fedora(44))
	for day, nvr := range []string{"vim-9.1-1.fc44", "nano-8-1.fc44", "ed-1.20-1.fc44"} {
		_, _ = hub.AddUpdate(bodhitest.Update{
			Release: "F44", Builds: []bodhi.Build{{NVR: nvr}}, Submitted: time.Date(2026, 3, 1+day, 0, 0, 0, 0, time.UTC),
		})
	}
	server := httptest.NewServer(hub)
	defer server.Close()
	client, err := bodhi.New(server.URL, bodhi.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	query := bodhi.UpdateQuery{
		Releases:       []string{"F44"},
		Status:         []bodhi.UpdateStatus{bodhi.StatusPending, bodhi.StatusTesting},
		SubmittedSince: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC),
	}
	for update, err := range client.Updates(context.Background(), query) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(update.Submitted.Format(time.DateOnly), update.Title)
	}
	// Output:
	// 2026-03-03 ed-1.20-1.fc44
	// 2026-03-02 nano-8-1.fc44
}

func ExampleClient_UpdatesPage() {
	hub := bodhitest.New(bodhitest.Options{})
	_ = hub.AddRelease(bodhitest.Fedora(44))
	for day, nvr := range []string{"vim-9.1-1.fc44", "nano-8-1.fc44", "ed-1.20-1.fc44"} {
		_, _ = hub.AddUpdate(bodhitest.Update{
			Release: "F44", Builds: []bodhi.Build{{NVR: nvr}}, Submitted: time.Date(2026, 3, 1+day, 0, 0, 0, 0, time.UTC),
		})
	}
	server := httptest.NewServer(hub)
	defer server.Close()
	client, err := bodhi.New(server.URL, bodhi.Options{RowsPerPage: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := client.UpdatesPage(context.Background(), bodhi.UpdateQuery{Releases: []string{"F44"}}, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("page %d of %d, %d updates in all\n", page.Number, page.Pages, page.Total)
	for _, update := range page.Rows {
		fmt.Println(update.Title)
	}
	// Output:
	// page 2 of 2, 3 updates in all
	// vim-9.1-1.fc44
}

func ExamplePackageNameError() {
	hub := bodhitest.New(bodhitest.Options{})
	_ = hub.AddRelease(bodhitest.Fedora(44))
	_, _ = hub.AddUpdate(bodhitest.Update{Release: "F44", Builds: []bodhi.Build{{NVR: "vim-9.1-1.fc44"}}})
	server := httptest.NewServer(hub)
	defer server.Close()
	client, err := bodhi.New(server.URL, bodhi.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Update(context.Background(), "vim")
	if hint, ok := errors.AsType[*bodhi.PackageNameError](err); ok {
		for update, err := range client.Updates(context.Background(), bodhi.UpdateQuery{Packages: []string{hint.Name}, Limit: 1}) {
			if err != nil {
				fmt.Println(err)
				return
			}
			fmt.Println("the newest update of", hint.Name, "is", update.Title)
		}
	}
	// Output:
	// the newest update of vim is vim-9.1-1.fc44
}
