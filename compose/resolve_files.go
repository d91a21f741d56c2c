package compose

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/fedora-respin/respin/internal/fetch"
	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/repo/rpm"
)

// task takes the RPMs that a task and its direct children left, as `koji
// download-task` does. Koji knows no digest of them: their own headers are read
// now, so that the Plan names exactly what will be built from.
func (q *resolution) task(ctx context.Context, s Source, field string, info *PlanSource) error {
	t, err := q.koji.GetTaskInfo(ctx, s.ID)
	if errors.Is(err, koji.ErrNotFound) {
		q.problem(Problem{Code: CodeTaskNotFound, Field: field, Sentence: fmt.Sprintf("Koji has no task %d.", s.ID), Remedy: "Check the number."})
		return nil
	}
	if err != nil {
		return upstream(err, field)
	}
	if !q.taskClosed(t, field) {
		return nil
	}
	children, err := q.koji.GetTaskChildren(ctx, t.ID)
	if err != nil {
		return upstream(err, field)
	}
	info.Title = fmt.Sprintf("%s task %d", t.Method, t.ID)
	files, total, err := q.taskFiles(ctx, append([]koji.Task{*t}, children...), field)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		p := Problem{
			Code: CodeNoRPMsForArch, Field: field, Remedy: "Choose an architecture that the task was run for.",
			Sentence: fmt.Sprintf("The task %d has no RPM for %s.", t.ID, q.req.Arch),
		}
		if total == 0 {
			p.Code, p.Remedy = CodeTaskExpired, "Run the build again; Koji keeps the files of a task for two weeks."
			p.Sentence = fmt.Sprintf("The task %d has no RPMs, or they are gone.", t.ID)
		}
		q.problem(p)
		return nil
	}
	first := len(q.problems)
	var group errgroup.Group
	group.SetLimit(8)
	for _, f := range files {
		group.Go(func() error { return q.header(ctx, f, field, info.Source) })
	}
	err = group.Wait()
	slices.SortStableFunc(q.problems[first:], func(a, b Problem) int { return cmp.Compare(a.Sentence, b.Sentence) })
	return err
}

func (q *resolution) taskClosed(t *koji.Task, field string) bool {
	p := Problem{Field: field, Code: CodeTaskFailed, Remedy: "Name a task that closed."}
	switch {
	case t.Method != "build" && t.Method != "buildArch" && t.Method != "rebuildSRPM" && t.Method != "buildSRPMFromSCM":
		p.Code, p.Remedy = CodeBadSource, "Name a task of method build or buildArch."
		p.Sentence = fmt.Sprintf("The task %d is of method %s, which makes no RPMs.", t.ID, t.Method)
	case t.State == koji.TaskClosed:
		return true
	case t.State == koji.TaskFailed, t.State == koji.TaskCanceled:
		p.Sentence = fmt.Sprintf("The task %d ended without result: Koji says %s.", t.ID, strings.ToLower(t.State.String()))
	default:
		p.Code, p.Remedy = CodeTaskNotFinished, "Wait until it is closed."
		p.Sentence = fmt.Sprintf("The task %d is not finished: Koji says %s.", t.ID, strings.ToLower(t.State.String()))
	}
	q.problem(p)
	return false
}

// remoteRPM is an RPM that is known by its name only.
type remoteRPM struct {
	name, url string
	size      int64 // 0: not known
	listed    bool  // Koji lists it by that name
}

// taskFiles lists the wanted RPMs, each name once: a noarch package comes out
// of every architecture's child. total counts all RPMs.
func (q *resolution) taskFiles(ctx context.Context, tasks []koji.Task, field string) (files []remoteRPM, total int, err error) {
	batch := q.koji.Batch()
	pending := make([]*koji.Pending[[]koji.TaskFile], len(tasks))
	for i := range tasks {
		pending[i] = batch.ListTaskOutput(tasks[i].ID)
	}
	if err := batch.Do(ctx); err != nil {
		return nil, 0, upstream(err, field)
	}
	seen, paths := map[string]bool{}, q.koji.Paths()
	for i := range tasks {
		list, err := pending[i].Get()
		if err != nil {
			return nil, 0, upstream(err, field)
		}
		slices.SortFunc(list, func(a, b koji.TaskFile) int { return cmp.Compare(a.Name, b.Name) })
		for _, f := range list {
			base := path.Base(f.Name)
			n, err := rpm.ParseNEVRA(base)
			if !strings.HasSuffix(base, ".rpm") || err != nil {
				continue
			}
			total++
			if q.wanted(n.Name, n.Arch) && !seen[base] {
				seen[base] = true
				q.noteBranch(n.EVR.Release)
				files = append(files, remoteRPM{name: base, url: paths.Task(tasks[i].ID, f.Volume, f.Name), size: f.Size, listed: true})
			}
		}
	}
	return files, total, nil
}

// maxFile bounds one file that a Plan may name, in bytes: what the fetcher takes.
const maxFile = 16 << 30

// headSizes are how much of an RPM is read until its header is complete. Most
// headers are smaller than the first; the kernel's modules take the second.
var headSizes = []int{128 << 10, 2 << 20, fetch.MaxHead}

// header reads the header of a remote RPM and takes it.
func (q *resolution) header(ctx context.Context, f remoteRPM, field, from string) error {
	var pkg *rpm.Package
	var size int64
	for _, n := range headSizes {
		data, total, err := q.fetcher.Head(ctx, f.url, n)
		if err != nil {
			return q.unreadable(ctx, f, field, err)
		}
		size = total
		pkg, err = rpm.Read(bytes.NewReader(data))
		if err == nil {
			break
		}
		if int64(len(data)) == total || !errors.Is(err, io.ErrUnexpectedEOF) || n == fetch.MaxHead {
			q.problem(Problem{
				Code: CodeRPMUnreadable, Field: field, Remedy: "Check the file on the server.",
				Sentence: fmt.Sprintf("%s is no readable RPM: %s.", f.url, firstLine(err)),
			})
			return nil
		}
	}
	if size > maxFile {
		q.problem(Problem{
			Code: CodeRPMUnreadable, Field: field, Remedy: "Check the file on the server.",
			Sentence: fmt.Sprintf("%s is larger than %s.", f.url, bytesText(maxFile)),
		})
		return nil
	}
	if f.size > 0 && size > 0 && size != f.size {
		q.problem(Problem{
			Code: CodeRPMUnreadable, Field: field, Remedy: "Check the file on the server.",
			Sentence: fmt.Sprintf("%s has %d bytes where Koji lists %d.", f.url, size, f.size),
		})
		return nil
	}
	if !q.wanted(pkg.Name, pkg.Arch) {
		q.problem(Problem{
			Code: CodeNoRPMsForArch, Field: field, Remedy: "Choose the RPM of the wanted architecture.",
			Sentence: fmt.Sprintf("%s is for %s, and the compose is for %s.", f.name, pkg.Arch, q.req.Arch),
		})
		return nil
	}
	if !f.listed {
		// The end of a URL is anybody's choice, and not always a file name.
		f.name = pkg.NEVRA().FileName()
	}
	if !isPackageFile(f.name) {
		q.problem(Problem{
			Code: CodeRPMUnreadable, Field: field, Remedy: "Check the file on the server.",
			Sentence: fmt.Sprintf("%s calls itself %q, which is no name of a package.", f.url, clip(f.name)),
		})
		return nil
	}
	q.noteBranch(pkg.EVR.Release)
	q.take(field, planFile(pkg, f.name, f.url, max(size, 0), from))
	return nil
}

func isPackageFile(name string) bool {
	_, err := rpm.ParseNEVRA(name)
	return err == nil && name == path.Base(name) && strings.HasSuffix(name, ".rpm")
}

// unreadable turns the failure to read a file into a problem of the source.
func (q *resolution) unreadable(ctx context.Context, f remoteRPM, field string, err error) error {
	if ctx.Err() != nil {
		return upstream(ctx.Err(), field)
	}
	p := Problem{Code: CodeRPMUnreadable, Field: field, Remedy: "Check the file on the server.", Sentence: fmt.Sprintf("%s cannot be read: %s.", f.url, firstLine(err))}
	if status, ok := errors.AsType[*fetch.StatusError](err); ok && status.Code == http.StatusNotFound {
		p.Sentence = fmt.Sprintf("%s is not there (any more).", f.url)
		if strings.HasPrefix(field, "sources") && strings.Contains(f.url, "/work/tasks/") {
			p.Code, p.Remedy = CodeTaskExpired, "Run the build again; Koji keeps the files of a task for two weeks."
		}
	}
	if refused, ok := errors.AsType[*fetch.RefusedError](err); ok {
		p.Code, p.Sentence = CodeURLRefused, fmt.Sprintf("%s is not fetched: %s.", refused.URL, refused.Reason)
		p.Remedy = "Use a public http or https address, upload the file, or ask the operator."
	}
	q.problem(p)
	return nil
}

// rpmURL takes one RPM from anywhere.
func (q *resolution) rpmURL(ctx context.Context, s Source, field string, info *PlanSource) error {
	if !isWebURL(s.Value) {
		q.problem(Problem{
			Code: CodeURLRefused, Field: field, Remedy: "Give an http or https URL; respin build uploads a local file for you.",
			Sentence: fmt.Sprintf("%q is no http or https URL.", clip(s.Value)),
		})
		return nil
	}
	name := path.Base(s.Value)
	info.Title = name
	return q.header(ctx, remoteRPM{name: name, url: s.Value}, field, info.Source)
}

// upload takes an RPM that the user brought.
func (q *resolution) upload(ctx context.Context, s Source, field string, info *PlanSource) error {
	u, err := q.uploaded(ctx, s.Value)
	if errors.Is(err, ErrNoUpload) || err == nil && u.Type != "rpm" {
		q.problem(Problem{Code: CodeUploadNotFound, Field: field, Sentence: fmt.Sprintf("There is no uploaded RPM %s.", s.Value), Remedy: "Upload it (again)."})
		return nil
	}
	if err != nil {
		return err
	}
	pkg, err := rpm.Open(u.Path)
	if err != nil {
		q.problem(Problem{Code: CodeRPMUnreadable, Field: field, Sentence: fmt.Sprintf("The upload %s is no readable RPM: %s.", u.Name, firstLine(err)), Remedy: "Upload it again."})
		return nil
	}
	info.Title = u.Name
	if !q.wanted(pkg.Name, pkg.Arch) {
		q.problem(Problem{
			Code: CodeNoRPMsForArch, Field: field, Remedy: "Upload the RPM of the wanted architecture.",
			Sentence: fmt.Sprintf("%s is for %s, and the compose is for %s.", u.Name, pkg.Arch, q.req.Arch),
		})
		return nil
	}
	q.noteBranch(pkg.EVR.Release)
	p := planFile(pkg, pkg.NEVRA().FileName(), u.URL, u.Size, info.Source)
	p.SHA256 = u.SHA256
	q.take(field, p)
	return nil
}

func (q *resolution) uploaded(ctx context.Context, id string) (Uploaded, error) {
	if q.opts.Uploads == nil {
		return Uploaded{}, ErrNoUpload
	}
	return q.opts.Uploads(ctx, id)
}
