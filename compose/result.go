package compose

import "time"

// Result is what a build made. Paths are relative to the published directory
// of the compose; URLs are filled in by whoever publishes it.
type Result struct {
	PlanDigest string         `json:"plan_digest"`
	Artifacts  []Artifact     `json:"artifacts"`
	SideRepo   *SideRepo      `json:"side_repo,omitempty"`
	Packages   []PackageEntry `json:"packages"` // the package report
	Logs       []Artifact     `json:"logs,omitempty"`
	Tools      []Tool         `json:"tools,omitempty"`
	Commands   []Command      `json:"commands,omitempty"` // what was really run
	Timings    []Timing       `json:"timings,omitempty"`
	Smoke      *Smoke         `json:"smoke,omitempty"`
	Failure    *Failure       `json:"failure,omitempty"`
}

// ArtifactType says what a file of a Result is.
type ArtifactType string

// The types of artifact.
const (
	ArtifactISO       ArtifactType = "iso"
	ArtifactImage     ArtifactType = "image"
	ArtifactBoot      ArtifactType = "boot"     // kernel, initrd, boot loader: for network boot
	ArtifactMetadata  ArtifactType = "metadata" // describes others: .treeinfo, .discinfo, package lists
	ArtifactRepoFile  ArtifactType = "repo-file"
	ArtifactKickstart ArtifactType = "kickstart"
	ArtifactPlan      ArtifactType = "plan"
	ArtifactReport    ArtifactType = "report"
	ArtifactLog       ArtifactType = "log"
	ArtifactChecksum  ArtifactType = "checksum"
)

// Artifact is one file of a Result.
type Artifact struct {
	Name         string       `json:"name"`
	Path         string       `json:"path"`
	URL          string       `json:"url,omitempty"`
	Size         int64        `json:"size"` // bytes
	SHA256       string       `json:"sha256"`
	Type         ArtifactType `json:"type"`
	Bootable     bool         `json:"bootable,omitempty"`
	ImplantedMD5 string       `json:"implanted_md5,omitempty"`
}

// SideRepo is the repository of the chosen builds.
type SideRepo struct {
	Path         string `json:"path"`
	URL          string `json:"url,omitempty"`
	RepoFile     string `json:"repo_file"` // path of the .repo file
	RepoFileURL  string `json:"repo_file_url,omitempty"`
	RepoText     string `json:"repo_text"` // the .repo file's text
	RepomdSHA256 string `json:"repomd_sha256"`
	Packages     int    `json:"packages"`
}

// Verdict says whether the image ships what was asked for.
type Verdict string

// The verdicts of the package report.
const (
	VerdictIncluded     Verdict = "included"
	VerdictOlder        Verdict = "older"
	VerdictNewer        Verdict = "newer"
	VerdictMissing      Verdict = "missing"
	VerdictNotInstalled Verdict = "not-installed"
)

// PackageEntry is one line of the package report: what was requested and what
// the result was found to ship when it was read back.
type PackageEntry struct {
	Name      string `json:"name"`
	Arch      string `json:"arch"`
	Requested string `json:"requested"`         // [epoch:]version-release
	Shipped   string `json:"shipped,omitempty"` // the same, empty when missing
	Repo      string `json:"repo,omitempty"`    // where the shipped one came from
	Path      string `json:"path,omitempty"`    // on the medium or in the side repo
	SHA256    string `json:"sha256,omitempty"`  // of the RPM as read back
	SigMD5    string `json:"sigmd5,omitempty"`
	Signature string `json:"signature,omitempty"` // key id, or "unsigned"
	// SignatureStatus is "ok" for a signature that was verified with a key of the
	// builder's keyring, "unknown-key" where it has none, else "unsigned",
	// "unsupported" or "bad".
	SignatureStatus string  `json:"signature_status,omitempty"`
	Verdict         Verdict `json:"verdict"`
	// Evidence is what the verdict on an installed package stands on: "digest",
	// "version" or "list"; see package proof. Reason is a sentence.
	Evidence string `json:"evidence,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// Installer is what the installer on a medium has of the package itself, where
	// the same build has made it; the entry's other fields are of Packages/.
	Installer *InstallerEntry `json:"installer,omitempty"`
}

// InstallerEntry is what an installer was found to have installed of a package.
type InstallerEntry struct {
	Shipped  string  `json:"shipped,omitempty"` // [epoch:]version-release
	Repo     string  `json:"repo,omitempty"`
	Verdict  Verdict `json:"verdict"`
	Evidence string  `json:"evidence,omitempty"`
	Reason   string  `json:"reason,omitempty"`
}

// Timing is how long a stage took.
type Timing struct {
	Stage   Stage     `json:"stage"`
	Seconds float64   `json:"seconds"`
	Started time.Time `json:"started"`
}

// Smoke is the outcome of booting the image in a virtual machine.
type Smoke struct {
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
	Log    string `json:"log,omitempty"` // path of the serial log
	// Screenshot is the path of the screen at the end, a PNG; "" when there is none.
	Screenshot string      `json:"screenshot,omitempty"`
	Seconds    float64     `json:"seconds"`
	Boots      []SmokeBoot `json:"boots,omitempty"`
}

// SmokeBoot is one machine of a smoke boot.
type SmokeBoot struct {
	How        string  `json:"how"` // bios: firmware, boot loader and kernel; kernel: the image's kernel, started directly
	OK         bool    `json:"ok"`
	Screenshot string  `json:"screenshot,omitempty"` // path of the screen at its end
	Seconds    float64 `json:"seconds"`
}

// Failure says why a compose did not succeed.
type Failure struct {
	Code     Code     `json:"code"`
	Stage    Stage    `json:"stage"`
	Sentence string   `json:"sentence"`
	Remedy   string   `json:"remedy,omitempty"`
	Evidence []string `json:"evidence,omitempty"` // at most three lines of the log
}
