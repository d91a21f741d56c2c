package kiwi

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo/rpm"
)

const (
	maxFiles    = 200 // of a result
	maxResult   = 1 << 20
	maxShipped  = 50_000
	maxListSize = 64 << 20
	resultName  = "kiwi.result.json" // system/result.py; kiwi.result itself is a pickle, which is code
)

// resultFile is one line of kiwi.result.json: a named tuple of system/result.py,
// which is an array or, by newer simplejson, an object.
type resultFile struct {
	Filename string `json:"filename"`
}

func (f *resultFile) UnmarshalJSON(data []byte) error {
	var list []any
	if json.Unmarshal(data, &list) == nil {
		if len(list) > 0 {
			f.Filename, _ = list[0].(string)
		}
		return nil
	}
	type plain resultFile
	return json.Unmarshal(data, (*plain)(f)) //nolint:wrapcheck // the caller says what was read
}

// results reads which files kiwi says that it made, by its names for them.
func results(dir string) (map[string]string, error) {
	f, err := os.Open(filepath.Join(dir, resultName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // then the endings tell
	}
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	data, err := limitio.ReadAll(f, maxResult, resultName)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	var raw map[string]resultFile
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("read results: %s: %w", resultName, err)
	}
	named := map[string]string{}
	for key, file := range raw {
		if file.Filename != "" {
			named[key] = path.Base(file.Filename)
		}
	}
	return named, nil
}

// imageKeys are kiwi's names for the image itself, by type, best first
// (builder/live.py, disk.py, archive.py, container.py).
func imageKeys(t string, format string) []string {
	switch {
	case t == "oem" && format != "" && format != "raw":
		return []string{"disk_format_image"}
	case t == "oem":
		return []string{"disk_image"}
	case t == "tbz":
		return []string{"root_archive"}
	case t == "oci", t == "docker":
		return []string{"container"}
	}
	return []string{"live_image"}
}

// endings are how the image's file name ends, by type.
func endings(t, format string) []string {
	switch t {
	case "oem":
		if format != "" {
			return []string{"." + format}
		}
		return []string{".raw"}
	case "tbz":
		return []string{".tar.xz"}
	case "oci", "docker":
		return []string{"." + t + ".tar.xz", "." + t + ".tar"}
	}
	return []string{".iso"}
}

// collect moves what kiwi made to where the Plan says. Files get the image's name
// with their own endings; what kiwi worked with stays behind.
func collect(p *compose.Plan, j *compose.BackendJob) ([]compose.Artifact, error) {
	dir := filepath.Join(j.OutDir, targetName)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("collect results: %w", err)
	}
	if len(entries) > maxFiles {
		return nil, fmt.Errorf("collect results: there are %d files", len(entries))
	}
	named, err := results(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), "kiwi.result") {
			files = append(files, e.Name())
		}
	}
	image, err := imageAmong(p, files, named)
	if err != nil {
		return nil, err
	}
	list := []compose.Artifact{{Name: p.Image, Path: p.Image, Type: classify(p.Image)}}
	if err := os.Rename(filepath.Join(dir, image), filepath.Join(j.OutDir, p.Image)); err != nil {
		return nil, fmt.Errorf("collect results: %w", err)
	}
	for _, name := range files {
		to := renamed(p, name)
		if name == image || to == p.Image || !wanted(name) {
			continue
		}
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(j.OutDir, to)); err != nil {
			return nil, fmt.Errorf("collect results: %w", err)
		}
		list = append(list, compose.Artifact{Name: to, Path: to, Type: classify(to)})
	}
	return list, nil
}

// imageAmong finds the image: by kiwi's own word, else by its ending.
func imageAmong(p *compose.Plan, files []string, named map[string]string) (string, error) {
	t := &p.Description.Type
	for _, key := range imageKeys(t.Image, t.Format) {
		if name := named[key]; slices.Contains(files, name) {
			return name, nil
		}
	}
	var found []string
	for _, ending := range endings(t.Image, t.Format) {
		for _, name := range files {
			if strings.HasSuffix(name, ending) && !strings.HasSuffix(name, ".install.iso") {
				found = append(found, name)
			}
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("collect results: kiwi ended well and made %d files that could be the image, among %q", len(found), files)
	}
	return found[0], nil
}

// wanted leaves the disk out that another format was made of, and what kiwi forgot.
func wanted(name string) bool {
	return slices.ContainsFunc([]string{".packages", ".verified", ".changes", ".install.iso"}, func(ending string) bool { return strings.HasSuffix(name, ending) })
}

// renamed takes kiwi's NAME.ARCH-VERSION off and puts the image's own name there.
func renamed(p *compose.Plan, name string) string {
	base := strings.TrimSuffix(p.Image, imageEnding(p))
	for _, ending := range []string{".packages", ".verified", ".changes", ".install.iso"} {
		if strings.HasSuffix(name, ending) {
			return base + ending
		}
	}
	return name
}

func imageEnding(p *compose.Plan) string {
	for _, ending := range endings(p.Description.Type.Image, p.Description.Type.Format) {
		if strings.HasSuffix(p.Image, ending) {
			return ending
		}
	}
	return path.Ext(p.Image)
}

func classify(name string) compose.ArtifactType {
	switch path.Ext(name) {
	case ".iso":
		return compose.ArtifactISO
	case ".packages", ".verified", ".changes":
		return compose.ArtifactMetadata
	}
	return compose.ArtifactImage
}

// listed reads kiwi's list of the installed packages, one
// name|epoch|version|release|arch|disturl|license a line (system/setup.py,
// _export_rpm_package_list).
func listed(file string) ([]compose.Shipped, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read kiwi's list of packages: %w", err)
	}
	list, err := readList(limitio.Reader(f, maxListSize, "kiwi's list of packages"))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read kiwi's list of packages: %w", err)
	}
	return list, nil
}

func readList(r io.Reader) ([]compose.Shipped, error) {
	var list []compose.Shipped
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<10)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		fields := strings.SplitN(text, "|", 6)
		if len(fields) < 5 {
			return nil, fmt.Errorf("line %d is no package: %.200q", n, text)
		}
		if fields[0] == "gpg-pubkey" {
			continue
		}
		evr := fields[2] + "-" + fields[3]
		if e := fields[1]; e != "" && e != "(none)" {
			evr = e + ":" + evr
		}
		nevra, err := rpm.ParseNEVRA(fields[0] + "-" + evr + "." + fields[4])
		if err != nil {
			return nil, fmt.Errorf("line %d is no package: %.200q", n, text)
		}
		if len(list) == maxShipped {
			return nil, fmt.Errorf("it names more than %d packages", maxShipped)
		}
		list = append(list, compose.Shipped{NEVRA: nevra.String(), From: Tool})
	}
	if err := lines.Err(); err != nil {
		return nil, err //nolint:wrapcheck // the caller names the file
	}
	slices.SortFunc(list, func(a, b compose.Shipped) int { return strings.Compare(a.NEVRA, b.NEVRA) })
	return slices.CompactFunc(list, func(a, b compose.Shipped) bool { return a.NEVRA == b.NEVRA }), nil
}
