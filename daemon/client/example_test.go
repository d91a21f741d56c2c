package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/client"
)

// A side repo is asked for and followed to its end.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_, _ = io.WriteString(w, `{"id":"20261123-k3f9qz7m","state":"queued"}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 0\ndata: {\"type\":\"stage\",\"state\":\"building\",\"stage\":\"fetch\",\"percent\":12}\n\n"+
			"id: 0\ndata: {\"type\":\"end\",\"state\":\"succeeded\",\"percent\":100}\n\n")
	}))
	defer server.Close()

	ctx := context.Background()
	c, err := client.New(server.URL, client.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	made, err := c.Submit(ctx, compose.Request{
		Kind: compose.KindRepo, Release: "44", Sources: []string{"FEDORA-2026-1a2b3c4d5e"},
	}, client.SubmitOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for event, err := range c.Events(ctx, made.ID, "") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.Type, event.State, event.Stage, event.Percent)
	}
	// Output:
	// stage building fetch 12
	// end succeeded  100
}
