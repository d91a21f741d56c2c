package productmd

import (
	"io"
)

const mediaRepoFile = "media.repo"

// MediaRepo is media.repo: how dnf finds the packages of a medium again.
type MediaRepo struct {
	Name    string // such as "Fedora 44"
	MediaID string // DiscInfo.Timestamp of the medium
}

// Write writes the file as Pungi does: a repository that costs less than those
// on the network, whose metadata never expire.
func (m *MediaRepo) Write(w io.Writer) error {
	if m.Name == "" || m.MediaID == "" {
		return &FieldError{File: mediaRepoFile, Field: "name and mediaid", Reason: "must be set"}
	}
	f := ini{}
	const section = "InstallMedia"
	for key, value := range map[string]string{
		"name": m.Name, "mediaid": m.MediaID, "metadata_expire": "-1", "gpgcheck": "0", "cost": "500",
	} {
		if bad := badOption(key, value); bad != "" {
			return &FieldError{File: mediaRepoFile, Field: key, Reason: bad}
		}
		f.set(section, key, value)
	}
	return f.write(w, mediaRepoFile)
}

// ReadMediaRepo reads the file.
func ReadMediaRepo(r io.Reader) (*MediaRepo, error) {
	f, err := parseINI(r, mediaRepoFile, maxSmall)
	if err != nil {
		return nil, err
	}
	s := f["InstallMedia"]
	if s == nil {
		return nil, &SyntaxError{File: mediaRepoFile, Reason: "has no section InstallMedia"}
	}
	return &MediaRepo{Name: s["name"], MediaID: s["mediaid"]}, nil
}
