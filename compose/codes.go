package compose

import (
	"net/http"
	"slices"
	"strings"
)

// Code is the stable name of a reason for refusing a request or for failing a
// compose. Scripts may rely on it; sentences may change.
type Code string

// Codes of requests that are refused before building.
const (
	CodeInvalidRequest    Code = "invalid-request"
	CodeUnknownKind       Code = "unknown-kind"
	CodeUnsupportedKind   Code = "unsupported-kind"
	CodeUnknownArch       Code = "unknown-arch"
	CodeBadRelease        Code = "bad-release"
	CodeNoSources         Code = "no-sources"
	CodeBadSource         Code = "bad-source"
	CodeUnsupportedField  Code = "unsupported-field"
	CodeUnsupportedSource Code = "unsupported-source"
	CodeBadVolID          Code = "bad-volid"
	CodeBadBootArg        Code = "bad-boot-arg"
	CodeBadPackage        Code = "bad-package"
	CodeBadNotify         Code = "bad-notify"
	CodeBadKickstart      Code = "bad-kickstart"
	CodeNoDescription     Code = "description-required"
	CodeBadDescription    Code = "bad-description"
	CodeBaseRequired      Code = "base-required"
	CodeBaseNotISO        Code = "base-not-iso"
	CodeBaseWrongArch     Code = "base-wrong-arch"
	CodeBaseUnreachable   Code = "base-unreachable"
	CodeBadFile           Code = "bad-file"
	CodeFileUnreachable   Code = "file-unreachable"
	CodeUpdateNotFound    Code = "update-not-found"
	CodeBuildNotFound     Code = "build-not-found"
	CodeBuildDeleted      Code = "build-deleted"
	CodeBuildNotComplete  Code = "build-not-complete"
	CodeTaskNotFound      Code = "task-not-found"
	CodeTaskNotFinished   Code = "task-not-finished"
	CodeTaskFailed        Code = "task-failed"
	CodeTaskExpired       Code = "task-expired"
	CodeTagNotFound       Code = "tag-not-found"
	CodeTagEmpty          Code = "tag-empty"
	CodeUploadNotFound    Code = "upload-not-found"
	CodeRepoNotFound      Code = "repo-not-found"
	CodeRepoInvalid       Code = "repo-invalid"
	CodeRepoUnreachable   Code = "repo-unreachable"
	CodePackageNotFound   Code = "package-not-found"
	CodeDependencyMissing Code = "dependency-missing"
	CodeCOPRNotFound      Code = "copr-not-found"
	CodeChrootNotFound    Code = "chroot-not-found"
	CodeSourceTooLarge    Code = "source-too-large"
	CodeSignatureRequired Code = "signature-required"
	CodeSignedCopyGone    Code = "signed-copy-gone"
	CodeUnknownKey        Code = "unknown-key"
	CodeWebPage           Code = "web-page"
	CodeComposeNotFound   Code = "compose-not-found"
	CodeNoRPMsForArch     Code = "no-rpms-for-arch"
	CodeRPMUnreadable     Code = "rpm-unreadable"
	CodeRPMConflict       Code = "rpm-conflict"
	CodeURLRefused        Code = "url-refused"
	CodeKojiUnreachable   Code = "koji-unreachable"
	CodeBodhiUnreachable  Code = "bodhi-unreachable"
	CodeUpstreamError     Code = "upstream-error"
	CodeToolMissing       Code = "tool-missing"
	CodeDiskFull          Code = "disk-full"
	CodeQuota             Code = "quota-exceeded"
	CodeHostRun           Code = "host-run-required"
)

// Codes of composes that failed while they were built.
const (
	CodeFetchFailed   Code = "fetch-failed"
	CodeRPMAltered    Code = "rpm-altered"
	CodeRPMUntrusted  Code = "rpm-untrusted"
	CodeBaseAltered   Code = "base-altered"
	CodeToolFailed    Code = "tool-failed"
	CodeVerifyFailed  Code = "verify-failed"
	CodeSmokeFailed   Code = "smoke-failed"
	CodeFileAltered   Code = "file-altered"
	CodeFileConflict  Code = "file-conflict"
	CodeFileRefused   Code = "file-refused"
	CodeImageTooLarge Code = "image-too-large"
	CodePublishFailed Code = "publish-failed"
	CodeNodeLost      Code = "node-lost"
	CodeTimeLimit     Code = "time-limit"
	CodeOutOfMemory   Code = "out-of-memory"
	CodeDiskLimit     Code = "disk-limit"
	CodeCanceled      Code = "canceled"
	CodeInternal      Code = "internal"
)

// CodeInfo is one line of the catalog.
type CodeInfo struct {
	Code    Code   `json:"code"`
	Status  int    `json:"status,omitempty"` // HTTP status when a request is refused with it; 0: never at the request
	Meaning string `json:"meaning"`
	Remedy  string `json:"remedy,omitempty"`
}

// Status is the HTTP status of a refusal with this code.
func (c Code) Status() int {
	for _, info := range codes() {
		if info.Code == c && info.Status != 0 {
			return info.Status
		}
	}
	return http.StatusUnprocessableEntity
}

// Codes lists the whole catalog, sorted by code.
func Codes() []CodeInfo {
	list := codes()
	slices.SortFunc(list, func(a, b CodeInfo) int { return strings.Compare(string(a.Code), string(b.Code)) })
	return list
}

func codes() []CodeInfo {
	const unprocessable, notFound = http.StatusUnprocessableEntity, http.StatusNotFound
	return withCauses([]CodeInfo{
		{CodeInvalidRequest, unprocessable, "A field is unknown, missing or of the wrong type.", "Correct the named field."},
		{CodeUnknownKind, unprocessable, "No compose kind has this name.", "Use one of the kinds of GET /api/v1/releases."},
		{CodeUnsupportedKind, unprocessable, "This version cannot build that kind.", "Choose another kind."},
		{CodeUnknownArch, unprocessable, "No architecture has this name.", "Use x86_64, aarch64, ppc64le or s390x."},
		{CodeBadRelease, unprocessable, "The release is not a number, rawhide or eln.", "Write it like 44."},
		{CodeNoSources, unprocessable, "Nothing was named to put into the side repo.", "Name an update, build, task or side tag."},
		{CodeBadSource, unprocessable, "A source has none of the known forms.", "Write ALIAS, N-V-R, task:ID, tag:NAME, copr:OWNER/PROJECT, repo:URL, rpm:URL or upload:ID."},
		{CodeUnsupportedField, unprocessable, "This version does not act on that field for this kind.", "Leave the field out."},
		{CodeUnsupportedSource, unprocessable, "This version takes no RPMs from that type of source.", "Name builds, a tag, or single RPMs."},
		{CodeBadVolID, unprocessable, "The volume id is too long or has characters that boot loaders mangle.", "Use at most 32 of A-Z a-z 0-9 _ -."},
		{CodeBadBootArg, unprocessable, "A boot argument has characters that a boot menu cannot carry.", "Give one argument without spaces, quotes or control characters."},
		{CodeBadPackage, unprocessable, "A package or group name has characters that no such name has.", "Correct the name."},
		{CodeBadNotify, unprocessable, "An address or URL to notify is not valid.", "Correct the address."},
		{CodeBadKickstart, unprocessable, "The kickstart has an error.", "Correct the named line; respin kickstart validate shows all of them."},
		{CodeNoDescription, unprocessable, "kiwi makes an image from a description, and none was named.", "Name it with options.kiwi.description (--kiwi)."},
		{CodeBadDescription, unprocessable, "The kiwi description cannot be read or used, or has no such profile or type.", "Correct what the sentence names."},
		{CodeBaseRequired, unprocessable, "This kind starts from an image, and none was named.", "Name it with base (--base-iso)."},
		{CodeBaseNotISO, unprocessable, "The base is not an ISO 9660 image.", "Give a boot.iso."},
		{CodeBaseWrongArch, unprocessable, "The base image is of another architecture.", "Give the image of the wanted architecture."},
		{CodeBaseUnreachable, unprocessable, "The base image cannot be read from its URL.", "Check the URL."},
		{CodeBadFile, unprocessable, "A file for the medium has no usable place or content.", "Write its place like /extra/data.txt, and give one of url, upload and text."},
		{CodeFileUnreachable, unprocessable, "A file for the medium cannot be read from its URL.", "Check the URL."},
		{CodeUpdateNotFound, unprocessable, "Bodhi has no such update.", "Check the alias."},
		{CodeBuildNotFound, unprocessable, "Koji has no such build.", "Check name, version and release."},
		{CodeBuildDeleted, unprocessable, "Koji has deleted the files of that build.", "Choose a newer build."},
		{CodeBuildNotComplete, unprocessable, "The build is not complete in Koji.", "Wait for it, or choose another build."},
		{CodeTaskNotFound, unprocessable, "Koji has no such task.", "Check the task id."},
		{CodeTaskNotFinished, unprocessable, "The task is still running.", "Wait for it to close."},
		{CodeTaskFailed, unprocessable, "The task failed or was canceled.", "Name a task that closed."},
		{CodeTaskExpired, unprocessable, "The files of that task are gone: Koji keeps them for two weeks.", "Run the scratch build again."},
		{CodeTagNotFound, unprocessable, "Koji has no such tag.", "Check the tag's name; side tags go once their update is stable."},
		{CodeTagEmpty, unprocessable, "No build is tagged there.", "Tag a build first."},
		{CodeUploadNotFound, unprocessable, "No upload has this id.", "Upload the file again."},
		{CodeRepoNotFound, unprocessable, "There is no repository at that URL.", "Check the URL: it is the folder that has repodata in it."},
		{CodeRepoInvalid, unprocessable, "A repository cannot be read, or describes its packages in a way that proves nothing.", "Check the URL, or ask whoever made the repository."},
		{CodeRepoUnreachable, http.StatusBadGateway, "The server of a repository does not answer.", "Try again later."},
		{CodePackageNotFound, unprocessable, "The repository has no package of that name.", "Check the name."},
		{CodeDependencyMissing, unprocessable, "A package requires something that neither the sources nor the repositories have.", "Name a source or repository that has it."},
		{CodeCOPRNotFound, unprocessable, "COPR has no such project.", "Check owner and project; a group is written @group."},
		{CodeChrootNotFound, unprocessable, "The COPR project has no packages for that release and architecture.", "Choose what the project builds for."},
		{CodeSourceTooLarge, unprocessable, "A source stands for more than one compose takes.", "Name single builds or packages."},
		{CodeSignatureRequired, unprocessable, "An RPM of a source whose signatures are required has none that counts.", "Wait until it is signed, or ask for the signature policy prefer."},
		{CodeSignedCopyGone, unprocessable, "Koji has removed the signed copies of a build.", "Take the unsigned copies with the signature policy prefer, or choose another build."},
		{CodeUnknownKey, 0, "A warning: the packages are signed with a key that the release is not known to use.", "Configure the server's keys."},
		{CodeWebPage, unprocessable, "A web page came where a file was asked for.", "Look at the address with a browser."},
		{CodeComposeNotFound, notFound, "No compose has this id.", "respin list shows them."},
		{CodeNoRPMsForArch, unprocessable, "The sources have no RPM for the architecture.", "Choose an architecture that the build was made for."},
		{CodeRPMUnreadable, unprocessable, "An RPM that a source names cannot be read.", "Check that the file is an RPM."},
		{CodeRPMConflict, unprocessable, "Two sources bring the same package with different content.", "Leave one of them out."},
		{CodeURLRefused, unprocessable, "The policy of this server does not fetch from that address.", "Use a public http or https address, or ask the operator."},
		{CodeKojiUnreachable, http.StatusBadGateway, "The Koji hub does not answer.", "Try again later."},
		{CodeBodhiUnreachable, http.StatusBadGateway, "Bodhi does not answer.", "Try again later."},
		{CodeUpstreamError, http.StatusBadGateway, "Koji or Bodhi answered with an error.", "Read the sentence; try again later."},
		{CodeToolMissing, http.StatusServiceUnavailable, "No build node has a tool that this kind needs.", "Install the named package on a node; respin doctor lists them."},
		{CodeDiskFull, http.StatusInsufficientStorage, "There is not enough free disk space.", "Free space, or delete old composes."},
		{CodeHostRun, http.StatusForbidden, "Scripts of the request would run on a build node itself, which takes the scope host-run.", "Use a token that has it, or nodes with the runner mock or podman."},
		{CodeQuota, http.StatusTooManyRequests, "Too many composes are waiting.", "Wait for some to finish."},

		{CodeFetchFailed, 0, "A file could not be downloaded.", "Retry the compose."},
		{CodeRPMAltered, 0, "An RPM is not the one that the Plan names: size or digest differ.", "Retry; if it stays, the server's copy is damaged."},
		{CodeRPMUntrusted, 0, "The signature of an RPM is not good by a key that counts.", "Ask the operator for the key, or ask for the signature policy prefer."},
		{CodeBaseAltered, 0, "The base image is not the one that the Plan names.", "Submit again with the right checksum."},
		{CodeToolFailed, 0, "An image tool ended with an error.", "Read the evidence and the log."},
		{CodeVerifyFailed, 0, "The finished image does not hold what was asked for.", "Read the package report."},
		{CodeSmokeFailed, 0, "The finished image did not boot.", "Read the serial log."},
		{CodeFileAltered, unprocessable, "A file for the medium is not the one that was named.", "Check the sum, or the file."},
		{CodeFileConflict, 0, "Two packages, or a file and the base image, want one place of the image.", "Leave one out, or give it another place."},
		{CodeFileRefused, 0, "A package has a file that the image cannot take, such as a device node or a link that leads out of it.", "Leave the package out."},
		{CodeImageTooLarge, unprocessable, "The image would be larger than what it is for has room for.", "Name fewer packages."},
		{CodePublishFailed, 0, "The finished image could not be put where people fetch it.", "Retry the compose."},
		{CodeNodeLost, 0, "The build node was lost as often as is allowed.", "Retry the compose."},
		{CodeTimeLimit, 0, "The compose took longer than it may.", "Ask the operator for a higher limit."},
		{CodeOutOfMemory, 0, "The memory of the build node, or of the compose's share, ran out.", "Name fewer packages, or ask the operator for a higher limit."},
		{CodeDiskLimit, 0, "The compose's tools wrote more than they may.", "Name fewer packages, or ask the operator for a higher limit."},
		{CodeCanceled, 0, "Somebody canceled the compose.", ""},
		{CodeInternal, http.StatusInternalServerError, "respin itself made an error.", "Report it with the compose id."},
	})
}
