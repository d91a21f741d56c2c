package fetch_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/fedora-respin/respin/internal/fetch"
)

func ExampleFetcher_Get() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello\n") }))
	defer server.Close()
	dir, err := os.MkdirTemp("", "fetch")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	f, err := fetch.New(dir, fetch.Options{Policy: fetch.Policy{AllowLoopback: true}})
	if err != nil {
		panic(err)
	}
	defer f.Close()
	path, err := f.Get(context.Background(), fetch.Want{
		URLs:   []string{server.URL + "/greeting"},
		SHA256: "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
	})
	fmt.Println(filepath.Base(path)[:8], err)

	_, err = f.Get(context.Background(), fetch.Want{URLs: []string{"http://192.168.0.1/greeting"}})
	var refused *fetch.RefusedError
	fmt.Println(errors.As(err, &refused), err)
	// Output:
	// 5891b5b5 <nil>
	// true refuse http://192.168.0.1/greeting: the address 192.168.0.1 belongs to a private network
}
