package publish

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxFiles is the most files of one set.
	MaxFiles = 200_000
	maxID    = 128
	maxPath  = 1024
	maxName  = 255
)

// CheckID returns a *RefusedError when id cannot be the name of a set.
func CheckID(id string) error {
	switch {
	case id == "":
		return &RefusedError{Name: id, Reason: "the set has no name"}
	case len(id) > maxID:
		return &RefusedError{Name: id[:maxID] + "...", Reason: fmt.Sprintf("the name is longer than %d bytes", maxID)}
	case strings.ContainsFunc(id, notIDRune):
		return &RefusedError{Name: id, Reason: "a set's name has only letters, digits, dot, dash and underscore"}
	case id[0] == '.' || id[0] == '-':
		return &RefusedError{Name: id, Reason: "a set's name starts with a letter, a digit or an underscore"}
	}
	return nil
}

func notIDRune(r rune) bool {
	return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", r)
}

// CheckPath returns a *RefusedError when path cannot be that of a file in a
// set: relative, with slashes, inside, without characters that a listing, a
// CHECKSUM file or an FTP command would take for something else.
func CheckPath(path string) error {
	refuse := func(reason string) error { return &RefusedError{Name: path, Reason: reason} }
	switch {
	case path == "":
		return refuse("the path is empty")
	case len(path) > maxPath:
		return refuse(fmt.Sprintf("the path is longer than %d bytes", maxPath))
	case !utf8.ValidString(path):
		return refuse("the path is not UTF-8")
	case strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) || r == '\\' }):
		return refuse("the path has a backslash or an unprintable character")
	}
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "":
			return refuse("the path is absolute, ends with a slash or has an empty part")
		case part == "." || part == "..":
			return refuse("the path leads elsewhere")
		case len(part) > maxName:
			return refuse(fmt.Sprintf("a part of the path is longer than %d bytes", maxName))
		case strings.TrimSpace(part) != part:
			return refuse("a part of the path begins or ends with a blank")
		}
	}
	return nil
}

// Validate names everything that is wrong with the set.
func (s Set) Validate() error {
	errs := []error{CheckID(s.ID)}
	if s.Attempt < 1 {
		errs = append(errs, fmt.Errorf("attempt is %d, but counts from 1", s.Attempt))
	}
	if s.Dir == "" {
		errs = append(errs, errors.New("the set has no directory"))
	}
	if len(s.Files) > MaxFiles {
		return errors.Join(append(errs, fmt.Errorf("the set has %d files, at most %d are possible", len(s.Files), MaxFiles))...)
	}
	seen := make(map[string]bool, len(s.Files))
	for _, f := range s.Files {
		errs = append(errs, f.validate())
		if seen[f.Path] {
			errs = append(errs, &RefusedError{Name: f.Path, Reason: "it is listed twice"})
		}
		seen[f.Path] = true
	}
	if !seen[ChecksumName] {
		errs = append(errs, fmt.Errorf("the set has no %s file", ChecksumName))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("validate set %s: %w", s.ID, err)
	}
	return nil
}

func (f File) validate() error {
	if err := CheckPath(f.Path); err != nil {
		return err
	}
	if f.Size < 0 || !isHex256(f.SHA256) {
		return &RefusedError{Name: f.Path, Reason: "its size or SHA-256 is missing"}
	}
	return nil
}

func isHex256(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }

// Validate names what is wrong with a record that came from outside.
func (s Staged) Validate() error {
	err := CheckID(s.ID)
	if err == nil && (s.Attempt < 1 || !isHex256(s.Digest)) {
		err = errors.New("attempt or digest is missing")
	}
	if err != nil {
		return fmt.Errorf("validate staged set: %w", err)
	}
	return nil
}

// StagingName is how adapters call the unpublished set of an attempt.
func StagingName(id string, attempt int) string { return id + "." + strconv.Itoa(attempt) }

// ParseStagingName takes a name of StagingName apart.
func ParseStagingName(name string) (id string, attempt int, err error) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return "", 0, &RefusedError{Name: name, Reason: "it names no attempt"}
	}
	id = name[:dot]
	attempt, err = strconv.Atoi(name[dot+1:])
	if err != nil || attempt < 1 || StagingName(id, attempt) != name {
		return "", 0, &RefusedError{Name: name, Reason: "it names no attempt"}
	}
	return id, attempt, CheckID(id)
}
