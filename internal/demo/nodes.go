package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/koji/kojitest"
	"github.com/fedora-respin/respin/publish"
)

// nodeConfig is the second node's configuration.
func (d *demo) nodeConfig() string {
	return fmt.Sprintf(`# The second build node: where it works, and where it puts results besides the daemon.
data: %s
koji: {hub: "%s", topurl: "%s"}
publish:
  - ftp: {addr: "%s", user: %s, password: %s, dir: images}
`, d.path(otherNode), d.fedora.HubURL, d.fedora.TopURL, d.ftp.addr, ftpUser, ftpPassword)
}

// secondNode lets two nodes share the work.
func (d *demo) secondNode(ctx context.Context, s *scene) error {
	if err := d.startNode(ctx, s); err != nil {
		return err
	}
	s.out.note("Two composes at once. The hub takes three seconds for each file now, so that both last long enough to be seen.")
	d.fedora.Hub.FailFiles(kojitest.Failures{Latency: 3 * time.Second})
	defer d.fedora.Hub.FailFiles(kojitest.Failures{})
	var ids []string
	for _, args := range [][]string{
		{"build", "repo-iso", "tag:" + d.fedora.SideTag, "--release", release},
		{"build", "repo-iso", d.fedora.Update, "--release", release, "--debuginfo"},
	} {
		if _, err := s.mustRespin(ctx, args...); err != nil {
			return err
		}
		c, err := d.newest(ctx)
		if err != nil {
			return err
		}
		ids = append(ids, c.ID)
	}
	var nodes []string
	var pushed api.Compose
	for _, id := range ids {
		c, err := d.finished(ctx, id)
		if err != nil {
			return err
		}
		s.same("state of compose "+id, compose.StateSucceeded, c.State)
		nodes = append(nodes, c.Node)
		if c.Node == otherNode {
			pushed = c
		}
	}
	if _, err := s.mustRespin(ctx, "list"); err != nil {
		return err
	}
	slices.Sort(nodes)
	if !s.same("each took one", localNode+" "+otherNode, strings.Join(nodes, " ")) {
		return nil
	}
	s.fact("%s and %s took one each", localNode, otherNode)
	return d.checkFTP(ctx, s, &pushed)
}

func (d *demo) startNode(ctx context.Context, s *scene) error {
	creds := d.path(otherNode + ".creds")
	if _, err := s.mustRespin(ctx, "token", "create", otherNode, "--scope", "node", "--output", short(creds)); err != nil {
		return err
	}
	config := d.nodeConfig()
	if err := os.WriteFile(d.path(otherNode+".yaml"), []byte(config), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	s.out.command("cat", short(d.path(otherNode+".yaml")))
	s.out.output(strings.ReplaceAll(config, ftpPassword, "(hidden)"))
	argv := []string{d.opts.respin, "node", "--config", short(d.path(otherNode + ".yaml")), "--queue", "nats://" + d.queue, "--creds", short(creds)}
	s.out.command(append(argv, "&")...)
	node, err := d.startChild(otherNode, argv...)
	if err != nil {
		return err
	}
	if err := d.nodeOnline(ctx, otherNode, node); err != nil {
		return err
	}
	_, err = s.mustRespin(ctx, "nodes")
	return err
}

// nodeOnline waits until the queue knows the node, which runs in process in.
func (d *demo) nodeOnline(ctx context.Context, id string, in *child) error {
	return until(ctx, "node "+id, func() (bool, error) {
		list, err := d.client.Nodes(ctx)
		return slices.ContainsFunc(list.Nodes, func(n api.Node) bool { return n.ID == id && n.Online }), err
	}, in.alive)
}

// checkFTP looks at what the second node put on the FTP server.
func (d *demo) checkFTP(ctx context.Context, s *scene, c *api.Compose) error {
	if s.same("further places in the record", 1, len(c.Published)) {
		p := c.Published[0]
		s.holds(p.Error == "", "%s", strings.TrimSpace("the result was pushed to "+p.URL+" "+p.Error))
	}
	root := filepath.Join(d.ftp.root, "images", c.ID)
	err := until(ctx, "the set on the FTP server", func() (bool, error) {
		_, err := os.Stat(root)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	sums, err := checksums(filepath.Join(root, publish.ChecksumName))
	if err != nil {
		return err
	}
	wrong, names := 0, []string{}
	for name, want := range sums {
		got, err := fileSum(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil || got != want {
			wrong++
			s.out.bad("%s: expected sha256 %s, saw %s %v", name, want, got, err)
		}
		names = append(names, name)
	}
	slices.Sort(names)
	s.out.note("On the FTP server, below images/%s:", c.ID)
	s.out.outputPart(strings.Join(names, "\n"), 30)
	s.same(fmt.Sprintf("of its %d files those that differ from CHECKSUM", len(sums)), 0, wrong)
	for _, part := range []string{"repo/repodata/repomd.xml", "logs/compose.log"} {
		s.holds(slices.Contains(names, part), "%s is among them", part)
	}
	image, ok := isoOf(c)
	if s.holds(ok, "the record has an image") {
		s.same("sha256 of "+image.Name, image.SHA256, sums[image.Path])
	}
	s.fact("%d files on FTP", len(sums))
	return nil
}

// checksums reads a CHECKSUM file into digests by path.
func checksums(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read checksums: %w", err)
	}
	defer func() { _ = f.Close() }()
	files, err := publish.ReadChecksum(f)
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	for _, file := range files {
		sums[file.Path] = file.SHA256
	}
	return sums, nil
}

// fileSum is the SHA-256 of a file, in hex.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
