package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fedora-respin/respin/repo"
)

// tool is a program that writes repodata.
type tool struct {
	Name string // as the table shows it
	// Argv makes the command line that indexes in into out.
	Argv func(in, out string, update bool) []string
}

// contest is a group of tools that do the same work. The first one is ours.
type contest struct {
	Title   string
	Column  string // what outcome.size counts; "" means metadata
	Update  bool   // measured with everything in place
	Touch   bool   // and one package touched before each round
	Tools   []tool
	Targets []target

	touch func(round int) error
}

// target is a figure that ours shall reach against one of the others.
type target struct {
	Against string  // tool
	Figure  string  // "wall", "cpu", "rss" or "size"
	Most    float64 // ours divided by the other's
}

// paths are the programs that are compared.
type paths struct {
	Respin, Debian, PyPI string
}

func (p paths) respin(more ...string) tool {
	return tool{"respin", func(in, out string, update bool) []string {
		argv := append([]string{p.Respin, "repo", "create", "-q", "--workers", "2", "--outputdir", out}, more...)
		if update {
			argv = append(argv, "--update")
		}
		return append(argv, in)
	}}
}

func createrepo(name, path string, more ...string) tool {
	return tool{name, func(in, out string, update bool) []string {
		// The default of 5 workers is slower on two cores; the limit of the
		// changelog is the default of 2.x.
		argv := append([]string{path, "-q", "--no-database", "--changelog-limit=10", "--workers=2", "-o", out}, more...)
		if update {
			argv = append(argv, "--update")
		}
		return append(argv, in)
	}}
}

// Names of the peers.
const (
	debian = "createrepo_c 0.17.3"
	pypi   = "createrepo_c 1.2.5"
)

func (p paths) contests() []contest {
	touched := contest{
		Title: "--update, one package touched, zstd", Update: true, Touch: true,
		Tools: []tool{p.respin("--compress", "zstd"), createrepo(pypi, p.PyPI, "--general-compress-type=zstd")},
	}
	return []contest{
		{
			Title: "full run, gz",
			Tools: []tool{
				p.respin("--compress", "gz"), createrepo(debian, p.Debian, "--general-compress-type=gz"),
				createrepo(pypi, p.PyPI, "--general-compress-type=gz"),
			},
			Targets: []target{
				{debian, "wall", 0.5}, {pypi, "wall", 0.5}, {debian, "cpu", 0.8}, {pypi, "cpu", 0.8}, {pypi, "size", 1.1},
			},
		},
		{
			Title: "full run, zstd",
			Tools: []tool{p.respin("--compress", "zstd"), createrepo(pypi, p.PyPI, "--general-compress-type=zstd")},
			Targets: []target{
				{pypi, "wall", 0.5}, {pypi, "cpu", 0.8}, {pypi, "rss", 1}, {pypi, "size", 1.1},
			},
		},
		{
			Title: "--update, nothing changed, gz", Update: true,
			Tools: []tool{
				p.respin("--compress", "gz"), createrepo(debian, p.Debian, "--general-compress-type=gz"),
				createrepo(pypi, p.PyPI, "--general-compress-type=gz"),
			},
			Targets: []target{{debian, "wall", 0.1}, {pypi, "wall", 0.1}, {debian, "cpu", 0.1}, {pypi, "cpu", 0.1}},
		},
		{
			Title: "--update, nothing changed, zstd", Update: true,
			Tools:   []tool{p.respin("--compress", "zstd"), createrepo(pypi, p.PyPI, "--general-compress-type=zstd")},
			Targets: []target{{pypi, "wall", 0.1}, {pypi, "cpu", 0.1}},
		},
		touched,
	}
}

// outcome is what one tool cost in a contest, and how large its metadata are.
type outcome struct {
	tool string
	cost cost
	size int64
}

// hold lets the tools of a contest run in turn, runs times each, so that a
// neighbor's load meets all of them.
func (c contest) hold(ctx context.Context, in, work string, runs int) ([]outcome, error) {
	results := make([]outcome, len(c.Tools))
	outs := make([]string, len(c.Tools))
	for i, t := range c.Tools {
		outs[i] = filepath.Join(work, fmt.Sprint("out", i))
		if err := fresh(outs[i]); err != nil {
			return nil, err
		}
		if c.Update {
			if _, err := run(ctx, t.Argv(in, outs[i], false)); err != nil {
				return nil, err
			}
			// The first update may have to note what the full run left out.
			if _, err := run(ctx, t.Argv(in, outs[i], true)); err != nil {
				return nil, err
			}
		}
	}
	if c.Touch {
		path, restore, err := onePackage(in)
		if err != nil {
			return nil, err
		}
		defer restore()
		c.touch = func(round int) error { return os.Chtimes(path, time.Time{}, time.Unix(buildEpoch-int64(round), 0)) }
	}
	round := 0
	costs, err := race(ctx, runs, len(c.Tools), func(i int) ([]string, error) {
		if i == 0 && c.touch != nil {
			if err := c.touch(round); err != nil {
				return nil, fmt.Errorf("touch a package: %w", err)
			}
			round++
			time.Sleep(200 * time.Millisecond) // until its change time is not young any more
		}
		if !c.Update {
			if err := fresh(outs[i]); err != nil {
				return nil, err
			}
		}
		return c.Tools[i].Argv(in, outs[i], c.Update), nil
	})
	if err != nil {
		return nil, err
	}
	var plain string
	for i, t := range c.Tools {
		size, sums, err := metadataOf(outs[i])
		if err != nil {
			return nil, err
		}
		if i > 0 && sums != plain {
			return nil, fmt.Errorf("%s and %s have not written the same: open checksums %s and %s", c.Tools[0].Name, t.Name, plain, sums)
		}
		plain = sums
		results[i] = outcome{tool: t.Name, cost: costs[i], size: size}
	}
	return results, nil
}

// race lets n tools run in turn, runs times each, and returns the median costs.
// argv makes ready for a run of tool i and says how to start it.
func race(ctx context.Context, runs, n int, argv func(i int) ([]string, error)) ([]cost, error) {
	samples := make([][]sample, n)
	for range runs {
		for i := range n {
			line, err := argv(i)
			if err != nil {
				return nil, err
			}
			s, err := run(ctx, line)
			if err != nil {
				return nil, err
			}
			samples[i] = append(samples[i], s)
		}
	}
	costs := make([]cost, n)
	for i := range costs {
		costs[i] = median(samples[i])
	}
	return costs, nil
}

// onePackage returns some package of the corpus, and what gives it back its time.
func onePackage(dir string) (path string, restore func(), err error) {
	names, err := filepath.Glob(filepath.Join(dir, "Packages", "m", "*.rpm"))
	if err != nil || len(names) == 0 {
		return "", nil, fmt.Errorf("choose a package: %d found: %w", len(names), errors.Join(err, fs.ErrNotExist))
	}
	st, err := os.Stat(names[0])
	if err != nil {
		return "", nil, fmt.Errorf("choose a package: %w", err)
	}
	return names[0], func() { _ = os.Chtimes(names[0], st.ModTime(), st.ModTime()) }, nil
}

func fresh(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear output: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make output: %w", err)
	}
	return nil
}

// metadataOf sums up the sizes of the three core files that repomd.xml names, and
// lists the checksums of what is in them.
func metadataOf(out string) (size int64, sums string, err error) {
	r, err := repo.OpenDir(out)
	if err != nil {
		return 0, "", err
	}
	for _, kind := range []string{"primary", "filelists", "other"} {
		d := r.Repomd.Find(kind)
		if d == nil {
			return 0, "", fmt.Errorf("read %s: there is no %s metadata", out, kind)
		}
		size += d.Size
		sums += " " + d.OpenChecksum.String()
	}
	return size, sums, nil
}

// warm brings every package into the page cache.
func warm(ctx context.Context, dir string) error {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		f, err := os.OpenInRoot(dir, strings.TrimPrefix(path, dir+"/"))
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // opened for reading
		_, err = io.Copy(io.Discard, f)
		return err
	})
	if err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	return nil
}
