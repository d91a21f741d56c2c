package rpmtest

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fedora-respin/respin/repo/rpm"
)

// files returns the files sorted and with their defaults.
func (s *Spec) files(source bool) ([]File, error) {
	files := slices.Clone(s.Files)
	for i := range files {
		f := &files[i]
		if strings.HasPrefix(f.Path, "/") == source || f.Path == "" {
			return nil, fmt.Errorf("build rpm: path %q: a package has absolute paths, a source package bare names", f.Path)
		}
		if f.Mode == 0 {
			f.Mode = 0o644
		}
		if f.Mode&0o170000 == 0 {
			f.Mode |= 0o100000
		}
		if f.Linkto != "" {
			f.Mode = 0o120777
		}
		if f.User == "" {
			f.User = "root"
		}
		if f.Group == "" {
			f.Group = "root"
		}
		if f.MTime == 0 {
			f.MTime = uint32(s.BuildTime)
		}
		if source && strings.HasSuffix(f.Path, ".spec") {
			f.Flags |= rpm.FileSpec
		}
	}
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return files, nil
}

// content is what the payload holds for the file.
func (f *File) content() []byte {
	switch f.Mode & 0o170000 {
	case 0o100000:
		return f.Data
	case 0o120000:
		return []byte(f.Linkto)
	default:
		return nil
	}
}

// fileTable writes the file tags and SIZE.
func (s *Spec) fileTable(h *headerWriter, files []File) {
	var total uint32
	t := fileColumns{dirIndex: map[string]uint32{}}
	for i := range files {
		total += t.add(i, &files[i])
	}
	h.ints(rpm.TagSize, total)
	if len(files) == 0 {
		return
	}
	h.ints(rpm.TagFileSizes, t.sizes...)
	h.shorts(rpm.TagFileModes, t.modes)
	h.shorts(rpm.TagFileRdevs, make([]uint16, len(files)))
	h.ints(rpm.TagFileMTimes, t.mtimes...)
	h.texts(rpm.TagFileDigests, t.digests)
	h.texts(rpm.TagFileLinkTos, t.links)
	h.ints(rpm.TagFileFlags, t.flags...)
	h.texts(rpm.TagFileUserName, t.users)
	h.texts(rpm.TagFileGroupName, t.groups)
	h.ints(rpm.TagFileVerifyFlags, t.verify...)
	h.ints(rpm.TagFileDevices, t.devices...)
	h.ints(rpm.TagFileInodes, t.inodes...)
	h.texts(rpm.TagFileLangs, make([]string, len(files)))
	h.ints(rpm.TagDirIndexes, t.dirs...)
	h.texts(rpm.TagBaseNames, t.bases)
	h.texts(rpm.TagDirNames, t.dirNames)
	h.ints(rpm.TagFileDigestAlgo, 8)
}

type fileColumns struct {
	sizes, mtimes, flags, verify, devices, inodes, dirs []uint32
	modes                                               []uint16
	digests, links, users, groups, bases, dirNames      []string
	dirIndex                                            map[string]uint32
}

// add appends one file and returns its part of SIZE.
func (t *fileColumns) add(i int, f *File) uint32 {
	dir, base := path.Split(f.Path)
	n, ok := t.dirIndex[dir]
	if !ok {
		n = uint32(len(t.dirNames))
		t.dirIndex[dir] = n
		t.dirNames = append(t.dirNames, dir)
	}
	digest, size, counted := "", uint32(len(f.content())), uint32(0)
	if f.Mode&0o170000 == 0o100000 {
		counted = size
		digest = hexSum256(f.Data)
	}
	t.sizes = append(t.sizes, size)
	t.modes = append(t.modes, f.Mode)
	t.mtimes = append(t.mtimes, f.MTime)
	t.digests = append(t.digests, digest)
	t.links = append(t.links, f.Linkto)
	t.flags = append(t.flags, uint32(f.Flags))
	t.users = append(t.users, f.User)
	t.groups = append(t.groups, f.Group)
	t.verify = append(t.verify, 0xffffffff)
	t.devices = append(t.devices, 1)
	t.inodes = append(t.inodes, uint32(i+1))
	t.dirs = append(t.dirs, n)
	t.bases = append(t.bases, base)
	return counted
}

// requires lists the interpreter of each scriptlet.
func (s Scripts) requires() []rpm.Dependency {
	var deps []rpm.Dependency
	for _, x := range []struct {
		text string
		flag rpm.DepFlags
	}{
		{s.Pre, rpm.DepScriptPre},
		{s.Post, rpm.DepScriptPost},
		{s.Preun, rpm.DepScriptPreun},
		{s.Postun, rpm.DepScriptPostun},
	} {
		if x.text != "" {
			deps = append(deps, rpm.Dependency{Name: "/bin/sh", Flags: rpm.DepInterp | x.flag})
		}
	}
	return deps
}

func (s *Spec) scriptsAndLog(h *headerWriter) {
	for _, x := range []struct {
		text      string
		tag, prog rpm.Tag
	}{
		{s.Scripts.Pre, rpm.TagPreIn, rpm.TagPreInProg},
		{s.Scripts.Post, rpm.TagPostIn, rpm.TagPostInProg},
		{s.Scripts.Preun, rpm.TagPreUn, rpm.TagPreUnProg},
		{s.Scripts.Postun, rpm.TagPostUn, rpm.TagPostUnProg},
	} {
		if x.text != "" {
			h.text(x.tag, x.text)
			h.text(x.prog, "/bin/sh")
		}
	}
	if len(s.Changelogs) == 0 {
		return
	}
	var times []uint32
	var authors, texts []string
	for _, c := range s.Changelogs {
		times, authors, texts = append(times, uint32(c.Time)), append(authors, c.Author), append(texts, c.Text)
	}
	h.ints(rpm.TagChangelogTime, times...)
	h.texts(rpm.TagChangelogName, authors)
	h.texts(rpm.TagChangelogText, texts)
}
