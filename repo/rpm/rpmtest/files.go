package rpmtest

import (
	"cmp"
	"crypto/md5"
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
	return files, linkFiles(files)
}

// linkFiles numbers the inodes and makes hard links equal.
func linkFiles(files []File) error {
	index := make(map[string]int, len(files))
	for i := range files {
		index[files[i].Path] = i
		files[i].inode, files[i].links = i+1, 1
	}
	for i := range files {
		f := &files[i]
		if f.Hardlink == "" {
			continue
		}
		j, ok := index[f.Hardlink]
		if !ok || files[j].Hardlink != "" || files[j].Mode&0o170000 != 0o100000 {
			return fmt.Errorf("build rpm: %q is a hard link of %q, which is no regular file of the package", f.Path, f.Hardlink)
		}
		files[j].links++
		path := f.Path
		*f = files[j]
		f.Path, f.Hardlink = path, files[j].Path
	}
	for i := range files {
		if h := files[i].Hardlink; h != "" {
			files[i].links = files[index[h]].links
		}
	}
	return nil
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
		total += t.add(&files[i], s.Format)
	}
	if s.Format == 6 {
		h.longs(rpm.TagLongSize, uint64(total))
	} else {
		h.ints(rpm.TagSize, total)
	}
	if len(files) == 0 {
		return
	}
	if s.Format == 6 {
		sizes := make([]uint64, len(files))
		for i, n := range t.sizes {
			sizes[i] = uint64(n)
		}
		h.longs(rpm.TagLongFileSizes, sizes...)
	} else {
		h.ints(rpm.TagFileSizes, t.sizes...)
	}
	h.shorts(rpm.TagFileModes, t.modes)
	h.shorts(rpm.TagFileRdevs, t.rdevs)
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
	if s.Format == 3 {
		h.texts(rpm.TagOldFileNames, t.paths)
		return
	}
	if slices.ContainsFunc(t.caps, func(c string) bool { return c != "" }) {
		h.texts(rpm.TagFileCaps, t.caps)
	}
	h.ints(rpm.TagDirIndexes, t.dirs...)
	h.texts(rpm.TagBaseNames, t.bases)
	h.texts(rpm.TagDirNames, t.dirNames)
	h.ints(rpm.TagFileDigestAlgo, 8)
}

type fileColumns struct {
	sizes, mtimes, flags, verify, devices, inodes, dirs []uint32
	modes, rdevs                                        []uint16
	digests, links, users, groups, bases, dirNames      []string
	caps, paths                                         []string
	dirIndex                                            map[string]uint32
}

// add appends one file and returns its part of SIZE.
func (t *fileColumns) add(f *File, format int) uint32 {
	dir, base := path.Split(f.Path)
	n, ok := t.dirIndex[dir]
	if !ok {
		n = uint32(len(t.dirNames))
		t.dirIndex[dir] = n
		t.dirNames = append(t.dirNames, dir)
	}
	digest, size, counted := "", uint32(len(f.content())), uint32(0)
	if f.Mode&0o170000 == 0o100000 {
		digest = hexSum256(f.Data)
		if format == 3 {
			digest = fmt.Sprintf("%x", md5.Sum(f.Data))
		}
		if f.Hardlink == "" {
			counted = size
		}
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
	t.inodes = append(t.inodes, uint32(f.inode))
	t.rdevs = append(t.rdevs, f.Rdev)
	t.caps = append(t.caps, f.Caps)
	t.paths = append(t.paths, f.Path)
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
