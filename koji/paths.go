package koji

import (
	"net/url"
	"strconv"
	"strings"
)

// PathInfo builds the URLs of a hub's files below TopURL (koji.PathInfo). Every
// segment is escaped, + included: some stores behind a file server read a bare
// + as a space.
type PathInfo struct {
	TopURL string // with or without a slash at the end
}

// taskDirs is how many folders the tasks are spread over.
const taskDirs = 10000

func segment(s string) string {
	switch s {
	case ".":
		return "%2E"
	case "..":
		return "%2E%2E"
	}
	return strings.ReplaceAll(url.PathEscape(s), "+", "%2B")
}

// join escapes segments and puts them below base.
func join(base string, segments ...string) string {
	var b strings.Builder
	b.WriteString(strings.TrimRight(base, "/"))
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(segment(s))
	}
	return b.String()
}

// Volume returns the root of a volume; "" is DefaultVolume.
func (p PathInfo) Volume(volume string) string {
	if volume == "" || volume == DefaultVolume {
		return strings.TrimRight(p.TopURL, "/")
	}
	return join(p.TopURL, "vol", volume)
}

// Build returns the folder of a build.
func (p PathInfo) Build(b *Build) string {
	return join(p.Volume(b.VolumeName), "packages", b.Name, b.Version, b.Release)
}

// RPM returns the unsigned file of an RPM of the build.
func (p PathInfo) RPM(b *Build, r *RPM) string {
	return join(p.Build(b), r.Arch, r.FileName())
}

// Signed returns the copy of the RPM that is signed with the key (8 hex
// digits). Hubs remove these copies after a while; Sigcache stays.
func (p PathInfo) Signed(b *Build, r *RPM, sigkey string) string {
	return join(p.Build(b), "data", "signed", sigkey, r.Arch, r.FileName())
}

// Sigcache returns the signature header that makes the signed copy out of the
// unsigned file.
func (p PathInfo) Sigcache(b *Build, r *RPM, sigkey string) string {
	return join(p.Build(b), "data", "sigcache", sigkey, r.Arch, r.FileName()+".sig")
}

// BuildLogs returns the folder of a build's logs.
func (p PathInfo) BuildLogs(b *Build) string { return join(p.Build(b), "data", "logs") }

// TypeDir returns the folder of what a build has of a type: image, maven, win,
// or one of content generators such as module.
func (p PathInfo) TypeDir(b *Build, buildType string) string {
	switch buildType {
	case "image":
		return join(p.Build(b), "images")
	case "maven", "win":
		return join(p.Build(b), buildType)
	default:
		return join(p.Build(b), "files", buildType)
	}
}

// Archive returns the file of an archive of the build. Maven and win have
// folders inside theirs, which ArchiveOptions.Type makes the hub tell.
func (p PathInfo) Archive(b *Build, a *Archive) string {
	dir := p.TypeDir(b, a.BuildType)
	switch a.BuildType {
	case "maven":
		dir = join(dir, strings.Split(a.GroupID, ".")...)
		return join(dir, a.ArtifactID, a.MavenVersion, a.FileName)
	case "win":
		if a.RelPath != "" {
			dir = join(dir, strings.Split(a.RelPath, "/")...)
		}
	}
	return join(dir, a.FileName)
}

// File returns the file of a path below the top URL, as BuildLog.Path is one.
func (p PathInfo) File(path string) string {
	return join(p.TopURL, strings.Split(strings.TrimPrefix(path, "/"), "/")...)
}

// Work returns the file of a path below work/ of a volume, as the requests and
// results of tasks hold them: tasks/2/2/x.rpm, cli-build/.../x.src.rpm.
func (p PathInfo) Work(volume, path string) string {
	return join(join(p.Volume(volume), "work"), strings.Split(strings.TrimPrefix(path, "/"), "/")...)
}

// Task returns a file of a task's output, or the task's folder if file is "".
// file may contain slashes.
func (p PathInfo) Task(id int, volume, file string) string {
	dir := join(p.Volume(volume), "work", "tasks", strconv.Itoa(id%taskDirs), strconv.Itoa(id))
	if file == "" {
		return dir
	}
	return join(dir, strings.Split(file, "/")...)
}

// Scratch returns a file of a scratch build in its owner's folder, or that
// folder if file is "".
func (p PathInfo) Scratch(user string, taskID int, file string) string {
	dir := join(p.TopURL, "scratch", user, "task_"+strconv.Itoa(taskID))
	if file == "" {
		return dir
	}
	return join(dir, strings.Split(file, "/")...)
}

// Repo returns the repository that the hub made of a tag, for one arch; id 0
// is the latest, arch "" the folder of all. Such a repository holds the whole
// build root, unsigned.
func (p PathInfo) Repo(tag string, id int, arch string) string {
	return join(p.TopURL, repoParts("repos", tag, id, arch)...)
}

// DistRepo returns a distribution repository of a tag; id 0 is the latest, arch
// "" the folder of all.
func (p PathInfo) DistRepo(tag string, id int, arch, volume string) string {
	return join(p.Volume(volume), repoParts("repos-dist", tag, id, arch)...)
}

func repoParts(kind, tag string, id int, arch string) []string {
	parts := []string{kind, tag, "latest"}
	if id != 0 {
		parts[2] = strconv.Itoa(id)
	}
	if arch != "" {
		parts = append(parts, arch)
	}
	return parts
}
