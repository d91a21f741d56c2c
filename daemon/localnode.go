package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/publish"
	"github.com/fedora-respin/respin/publish/dir"
	httppub "github.com/fedora-respin/respin/publish/http"
	"github.com/fedora-respin/respin/queue/natsqueue"
)

// localNode is the build node inside the daemon: it joins the queue in process
// and puts results straight into the hosted directory.
func (d *Daemon) localNode(ctx context.Context) (*node, error) {
	worker, err := d.server.Node(ctx, d.cfg.Node.ID, natsqueue.NodeOptions{Logger: d.log.Named("queue")})
	if err != nil {
		return nil, fmt.Errorf("join queue: %w", err)
	}
	hosting, err := dir.New(d.hostingConfig())
	if err != nil {
		return nil, fmt.Errorf("open hosting: %w", errors.Join(err, worker.Close()))
	}
	return newNode(ctx, &d.cfg, worker, hosting, d.version, d.log.Named("node"))
}

func (d *Daemon) hostingConfig() dir.Config {
	return dir.Config{Base: filepath.Join(d.cfg.Data, "images"), URL: d.cfg.URL + "/images/", MinFree: d.cfg.Limits.DiskFloor}
}

// ReadNodeCredentials reads the file that `respin token create --scope node`
// wrote. A file that others may read is refused: it holds secrets.
func ReadNodeCredentials(path string) (NodeCredentials, error) {
	var c NodeCredentials
	f, err := os.Open(path)
	if err != nil {
		return c, fmt.Errorf("read credentials: %w", err)
	}
	defer func() { _ = f.Close() }()
	st, err := f.Stat()
	if err != nil {
		return c, fmt.Errorf("read credentials: %w", err)
	}
	if st.Mode().Perm()&0o077 != 0 {
		return c, fmt.Errorf("read credentials %s: others may read it (mode %04o): chmod 600 it: %w", path, st.Mode().Perm(), fs.ErrPermission)
	}
	data, err := limitio.ReadAll(f, 1<<20, "the credentials file")
	if err == nil {
		err = json.Unmarshal(data, &c)
	}
	if err == nil {
		err = c.Queue.Validate()
	}
	if err != nil {
		return c, fmt.Errorf("read credentials %s: %w", path, err)
	}
	return c, nil
}

// deliveryRetries lets a node wait about a quarter of an hour for its daemon:
// what took an hour to build is not given up for a restart.
const deliveryRetries = 35

// RunNode is a build node of its own process: it takes composes from the queue
// that the credentials lead to and delivers results to their daemon, until ctx
// ends.
func RunNode(ctx context.Context, cfg Config, creds NodeCredentials, version string, log hclog.Logger) error {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	cfg.Node.ID = creds.Queue.Node
	// The daemon's own files (uploads, images of earlier composes) are trusted.
	cfg.Limits.TrustHosts = append(cfg.Limits.TrustHosts, strings.TrimPrefix(strings.TrimPrefix(creds.API, "https://"), "http://"))
	worker, err := natsqueue.ConnectNode(ctx, creds.Queue, natsqueue.NodeOptions{Logger: log.Named("queue")})
	if err != nil {
		return fmt.Errorf("join queue: %w", err)
	}
	primary, err := httppub.New(httppub.Config{URL: creds.API + deliverPath, Token: publish.Secret(creds.Token), Retries: deliveryRetries})
	if err != nil {
		return errors.Join(fmt.Errorf("set up delivery: %w", err), worker.Close())
	}
	n, err := newNode(ctx, &cfg, worker, primary, version, log.Named("node"))
	if err != nil {
		return errors.Join(err, worker.Close(), primary.Close())
	}
	return errors.Join(n.run(ctx), n.close())
}
