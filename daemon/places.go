package daemon

import (
	"errors"
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/dvd"
	"github.com/fedora-respin/respin/compose/kiwi"
	"github.com/fedora-respin/respin/compose/livemedia"
	"github.com/fedora-respin/respin/compose/lorax"
	"github.com/fedora-respin/respin/compose/remaster"
	"github.com/fedora-respin/respin/compose/updates"
	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/publish/ftp"
)

// Backends are the back ends that this version has.
func Backends() []compose.Backend {
	return []compose.Backend{&remaster.Backend{}, &updates.Backend{}, &lorax.Backend{}, &livemedia.Backend{}, &kiwi.Backend{}, &dvd.Backend{}}
}

// newPlaces connects to the further places of the configuration, lazily.
func newPlaces(list []PublishConfig) ([]place, error) {
	var places []place
	for i, c := range list {
		p, err := ftp.New(ftp.Config{
			Addr: c.FTP.Addr, User: c.FTP.User, Password: publish.Secret(c.FTP.Password), Dir: c.FTP.Dir, URL: c.FTP.URL, TLS: c.FTP.TLS,
		})
		if err != nil {
			for _, made := range places {
				err = errors.Join(err, made.Close())
			}
			return nil, fmt.Errorf("publish[%d].ftp: %w", i, err)
		}
		places = append(places, place{name: "ftp://" + c.FTP.Addr, url: c.FTP.placeURL(), Publisher: p})
	}
	return places, nil
}

// placeURL is where people fetch what was put there.
func (c *FTPConfig) placeURL() string {
	if c.URL != "" {
		return c.URL
	}
	return "ftp://" + c.Addr + "/" + strings.Trim(c.Dir, "/")
}

func (p *place) location(id string) string { return publish.At(p.url, id).URL }
