package compose

import (
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/fedora-respin/respin/internal/proc"
	"github.com/fedora-respin/respin/repo/rpm"
)

// Backend makes the artifacts of a Plan with real tools. One value serves many
// builds at a time and keeps no state between them.
//
// The Plan decides and the node obeys: Describe freezes what will be done, Probe
// looks at what the node has, Build says the frozen command in the dialect of
// the tool that was found, and Verify believes nobody but the finished files.
// What a back end writes goes into the directories of the BackendJob and nowhere
// else; when Build or ctx ends, no process of it runs and nothing is mounted.
//
// Every back end passes the suite of package backendtest.
type Backend interface {
	// Name is the name of the back end in a Plan and in Options.Backend.
	Name() string
	// Makes says what the back end is for. It does not look at the host.
	Makes() []Capability
	// Describe writes into the Plan what will be done: Argv with ${...} for the
	// directories of a build, Tools, Image, and a Warning for all that the
	// request says and the tool cannot (see Repo). It asks nobody, and what it
	// writes depends on the Plan alone. A Plan that cannot be carried out is
	// answered with a *RefusedError.
	Describe(*Plan) error
	// Probe asks the tools that the runner reaches for their versions and
	// options. A missing one is a *proc.NotFoundError that says what to install.
	Probe(context.Context, Runner) ([]Tool, error)
	// Build makes the artifacts below job.OutDir and leaves the tools' logs in
	// job.LogDir, also when it fails. Job.Tools are those of Probe. Progress is
	// reported from one goroutine at a time, and never falls.
	Build(context.Context, *Plan, *BackendJob) (*Made, error)
	// Verify reads the finished artifacts back. It returns one entry for each
	// RPM of the Plan, in the Plan's order. An artifact that is not what the
	// Plan says is a *FailedError.
	Verify(context.Context, *Plan, *BackendJob, *Made) (*Proof, error)
}

// Capability is one kind that a back end makes, and for whom.
type Capability struct {
	Kind   Kind
	Arches []string // nil: every one of Arches
	// Native says that programs of the target are run, so that only a node of
	// the compose's own architecture can do it.
	Native bool
	// Oldest is the number of the oldest Fedora release; 0: any. Numbers below
	// FirstFedora are releases of CentOS Stream and are not judged by it.
	Oldest int
	// Gathers says that packages of the release go onto the medium: the Plan has
	// those that the request names, with all that they require, in Gathered.
	Gathers bool
	// StartsFrom is the kind that another back end makes first, in the same build,
	// when the request names no base image for this one; "": none is made.
	StartsFrom Kind
	// Uses are the request's fields that the back end acts on for this kind, by
	// their JSON names, besides those that every kind uses. A request that says
	// something else is warned that it counts for nothing.
	Uses []string
}

// FirstFedora is the lowest release number that is taken for Fedora's. What is
// below is a release of CentOS Stream: 9, 10.
const FirstFedora = 20

// makes tells whether the capability covers a compose. An empty arch or release
// is not judged.
func (c *Capability) makes(kind Kind, arch, release string) bool {
	if c.Kind != kind || arch != "" && c.Arches != nil && !slices.Contains(c.Arches, arch) {
		return false
	}
	n, err := strconv.Atoi(release)
	return err != nil || n < FirstFedora || n >= c.Oldest
}

// capability is the first of the back end's that covers a compose.
func capability(b Backend, kind Kind, arch, release string) (Capability, bool) {
	for _, c := range b.Makes() {
		if c.makes(kind, arch, release) {
			return c, true
		}
	}
	return Capability{}, false
}

// Runner runs the tools of a back end where they are: on this host, in a mock
// chroot, in a container. *proc.Runner is this host's. Paths mean the same
// inside and outside; a runner of another root mounts BackendJob.Dirs there.
type Runner interface {
	// Look returns the path of a tool, or a *proc.NotFoundError that names pkg.
	Look(name, pkg string) (string, error)
	// Run runs one command to its end, as proc.Runner.Run does: no shell, a
	// clean environment, the whole process group gone when it returns.
	Run(context.Context, proc.Cmd) error
}

var _ Runner = (*proc.Runner)(nil)

// BackendJob says where things are on this host. Every directory exists.
type BackendJob struct {
	SideRepo string // directory of the side repo: Packages/ and repodata/
	Base     string // local path of the base image, if the Plan has one
	// Description is the local path of the archive of the Plan's description, if it
	// has one. Tools do not read it; a back end unpacks it.
	Description string
	// Gathered are the local paths of Plan.Gathered, in its order.
	Gathered []string
	// Files are the local paths of Plan.Files, in its order, and UpdatesImage that of
	// Plan.UpdatesImage, if there is one.
	Files        []string
	UpdatesImage string
	// Kickstart is the path of a file with the Plan's kickstart, if it has one.
	Kickstart string
	OutDir    string // empty; Build makes the artifacts in it
	LogDir    string // stays, whatever happens
	CacheDir  string // shared by all builds of the host, for downloads
	Temp      string // empty; goes when the build ends
	Runner    Runner
	Tools     []Tool // as Probe found them
	Log       io.Writer
	// Progress hears of every step: the back end's own name of its stage, percent
	// of the whole Build (or Verify), and a message for people.
	Progress func(stage string, percent int, message string)
	Verify   rpm.VerifyOptions // what RPMs inside the artifacts are verified with
}

// Dirs are the directories that a tool must reach: those it reads, and those it
// writes.
func (j *BackendJob) Dirs() (read, write []string) {
	for _, dir := range slices.Concat([]string{j.SideRepo, j.Base, j.Kickstart, j.UpdatesImage}, j.Files) {
		if dir != "" {
			read = append(read, dir)
		}
	}
	for _, dir := range []string{j.OutDir, j.LogDir, j.CacheDir, j.Temp} {
		if dir != "" {
			write = append(write, dir)
		}
	}
	return read, write
}

// Tool finds a tool among those that Probe found.
func (j *BackendJob) Tool(name string) (Tool, bool) {
	for _, t := range j.Tools {
		if t.Name == name {
			return t, true
		}
	}
	return Tool{}, false
}

// Made is what Build made.
type Made struct {
	// Artifacts are files below BackendJob.OutDir, by their Path with slashes;
	// Type and Name are set. The first is the one that Plan.Image names. Files
	// that are not listed are not published.
	Artifacts []Artifact
	Commands  []Command // what was really run
}

// Proof is what Verify found.
type Proof struct {
	Packages []PackageEntry
	Image    ImageFacts // of the first artifact
	// Digest is that of the first artifact where Verify has read the whole of it:
	// it need not be read once more.
	Digest *Digest
	// Shipped are all packages that the image was found to hold, sorted; nil
	// where the image only carries a repository, or nobody looked.
	Shipped []Shipped
}

// ImageFacts is what Verify found out about the image.
type ImageFacts struct {
	VolID        string
	Bootable     bool
	ImplantedMD5 string // empty when none is implanted
}

// Shipped is one package that an image holds as installed.
type Shipped struct {
	NEVRA string `json:"nevra"` // name-[epoch:]version-release.arch
	// SigMD5 and HeaderSHA256 are digests from the package's installed header,
	// where the header was read.
	SigMD5       string `json:"sigmd5,omitempty"`
	HeaderSHA256 string `json:"header_sha256,omitempty"`
	// From names the witness: "lorax" for its own word, "rpmdb" for the database
	// inside the image.
	From string `json:"from"`
}
