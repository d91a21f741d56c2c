package bodhitest

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/bodhi"
)

// The objects are written member by member, as models.py does, and not by
// marshaling the client's types: two readers of the format, one mistake each.

type object = map[string]any

func (e *entry) json(s *Server, base string) object {
	var content any
	if len(e.Builds) > 0 {
		content = e.Builds[0].Type
	}
	hash := sha1.Sum([]byte(strings.Join(e.nvrs(), " ")))
	o := object{
		"alias": e.Alias, "updateid": e.Alias, "title": e.title(), "display_name": e.DisplayName, "notes": e.Notes,
		"url":  base + "/updates/" + e.Alias,
		"type": e.Type, "status": e.Status, "request": null(string(e.Request)), "severity": e.Severity, "suggest": e.Suggest,
		"content_type": content, "from_tag": null(e.FromTag), "version_hash": hex.EncodeToString(hash[:]),
		"test_gating_status": null(string(e.Gating)), "critpath_groups": "", "karma": e.karma(),
		"stable_karma": 3, "unstable_karma": -3, "stable_days": 7, "autokarma": true, "autotime": true, "close_bugs": true,
		"critpath": e.Critpath, "locked": e.Locked, "pushed": e.isPushed(), "require_bugs": false, "require_testcases": false,
		"meets_testing_requirements": e.Status == bodhi.StatusStable,
		"date_submitted":             moment(e.Submitted), "date_modified": moment(e.Modified), "date_approved": moment(e.Approved),
		"date_testing": moment(e.Testing), "date_stable": moment(e.Stable), "date_pushed": moment(e.pushed()),
		"release": releaseJSON(e.release), "user": s.userJSON(e.User),
		"builds": all(e.Builds, buildJSON), "bugs": e.bugsJSON(s, true), "test_cases": all(e.TestCases, testCaseJSON),
		"comments": e.commentsJSON(s),
	}
	return o
}

// karma sums the last vote of each user.
func (e *entry) karma() int {
	if e.Karma != 0 {
		return e.Karma
	}
	sum, seen := 0, map[string]bool{}
	for _, c := range slices.Backward(e.Comments) {
		if c.Karma != 0 && !seen[c.User] {
			seen[c.User] = true
			sum += c.Karma
		}
	}
	return sum
}

// isPushed: the status alone says whether the builds are in a repository.
func (e *entry) isPushed() bool {
	return e.Status == bodhi.StatusTesting || e.Status == bodhi.StatusStable
}

func (e *entry) commentsJSON(s *Server) []any {
	out := []any{}
	for i, c := range e.Comments {
		out = append(out, s.commentJSON(e, e.commentID(i), c))
	}
	return out
}

// title is made of the builds.
func (e *entry) title() string {
	if len(e.Builds) == 0 {
		return e.Alias
	}
	return strings.Join(e.nvrs(), " ")
}

// shortTitle is the title of an update in the summary of a compose.
func (e *entry) shortTitle() string {
	nvrs := e.nvrs()
	switch {
	case e.DisplayName != "":
		return e.DisplayName
	case len(nvrs) > 2:
		return fmt.Sprintf("%s, %s, and %d more", nvrs[0], nvrs[1], len(nvrs)-2)
	case len(nvrs) == 0:
		return e.Alias
	}
	return strings.Join(nvrs, " and ")
}

func releaseJSON(r *bodhi.Release) object {
	return object{
		"name": r.Name, "long_name": r.LongName, "version": r.Version, "id_prefix": r.IDPrefix, "branch": r.Branch, "dist_tag": r.DistTag,
		"stable_tag": r.StableTag, "testing_tag": r.TestingTag, "candidate_tag": r.CandidateTag,
		"pending_signing_tag": r.PendingSigningTag, "pending_testing_tag": r.PendingTestingTag, "pending_stable_tag": r.PendingStableTag,
		"override_tag": r.OverrideTag, "mail_template": r.MailTemplate, "state": r.State, "composed_by_bodhi": r.ComposedByBodhi,
		"create_automatic_updates": r.CreateAutomaticUpdates, "package_manager": r.PackageManager,
		"testing_repository": null(r.TestingRepository), "eol": r.EOL, "released_on": r.ReleasedOn, "setting_status": null(r.SettingStatus),
		"mandatory_days_in_testing": number(r.MandatoryDays, 7), "critpath_mandatory_days_in_testing": number(r.CritpathMandatoryDays, 14),
		"min_karma": number(r.MinKarma, 2), "critpath_min_karma": number(r.CritpathMinKarma, 2),
	}
}

func buildJSON(b bodhi.Build) any {
	o := object{"nvr": b.NVR, "signed": b.Signed, "release_id": b.ReleaseID, "type": b.Type}
	if b.Type == bodhi.ContentRPM {
		epoch := 0
		if b.Epoch != nil {
			epoch = *b.Epoch
		}
		o["epoch"] = epoch
	}
	return o
}

// bugsJSON has the votes on each bug, with the comments that hold them or
// without.
func (e *entry) bugsJSON(s *Server, deep bool) []any {
	out := []any{}
	for _, b := range e.Bugs {
		votes := []any{}
		for i, c := range e.Comments {
			for _, v := range c.Bugs {
				if v.BugID != b.ID {
					continue
				}
				vote := object{"karma": v.Karma, "comment_id": e.commentID(i), "bug_id": b.ID}
				if deep {
					comment := s.commentJSON(e, e.commentID(i), c)
					delete(comment, "bug_feedback")
					vote["comment"] = comment
				}
				votes = append(votes, vote)
			}
		}
		o := bugJSON(b)
		o["feedback"] = votes
		out = append(out, o)
	}
	return out
}

func bugJSON(b bodhi.Bug) object {
	return object{"bug_id": b.ID, "title": null(b.Title), "security": b.Security, "parent": b.Parent}
}

func testCaseJSON(t bodhi.TestCase) any { return object{"id": t.ID, "name": t.Name} }

func all[T any](items []T, render func(T) any) []any {
	out := make([]any, 0, len(items))
	for _, item := range items {
		out = append(out, render(item))
	}
	return out
}

// number is a value or the default of Bodhi's configuration.
func number(n *int, fallback int) int {
	if n == nil {
		return fallback
	}
	return *n
}

func null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func moment(t time.Time) any { return bodhi.Time{Time: t} }
