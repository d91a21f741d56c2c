package bodhi

import (
	"net/http"
	"net/url"
	"testing"
)

func TestOnlyRepairingRedirectsAreFollowed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ from, location, want string }{
		{"http://b/updates?page=2", "/updates/", "http://b/updates/?page=2"},
		{"http://b/updates?page=2", "http://b/updates/?page=2", "http://b/updates/?page=2"},
		{"http://b/updates/", "https://b/updates/", "https://b/updates/"},
		{"http://b:80/updates/", "https://b/updates/", "https://b/updates/"},
		{"https://b/updates/", "http://b/updates/", ""},
		{"https://b/updates/", "https://c/updates/", ""},
		{"https://b/updates/", "https://b:8443/updates/", ""},
		{"https://b/updates/vim", "/updates/?packages=vim", ""},
		{"https://b/updates/vim", "//c/updates/vim/", ""},
		{"https://b/updates/vim", "", ""},
	} {
		u, err := url.Parse(tt.from)
		if err != nil {
			t.Fatal(err)
		}
		resp := &http.Response{StatusCode: http.StatusFound, Header: http.Header{}, Request: &http.Request{URL: u}}
		if tt.location != "" {
			resp.Header.Set("Location", tt.location)
		}
		got := ""
		if next := follow(u, resp); next != nil {
			got = next.String()
		}
		if got != tt.want {
			t.Errorf("%s to %q leads to %q, want %q", tt.from, tt.location, got, tt.want)
		}
	}
}
