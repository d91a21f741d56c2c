package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fedora-respin/respin/koji"
	"github.com/fedora-respin/respin/repo/rpm"
)

const (
	// taskRetention is how long Fedora's hub keeps the files of a task
	// (fedora-infra/ansible, roles/koji_hub).
	taskRetention = 14 * 24 * time.Hour
	// maxTasks bounds the tree below one task; a build has one child for each
	// architecture, a chain of builds some dozens.
	maxTasks = 1000
)

// task takes the RPMs that a task and those below it left, as `koji
// download-task` does. Koji knows no digest of them: their own headers are read
// now, so that the Plan names exactly what will be built from. The files of a
// build that was no scratch build have moved to the build.
func (q *resolution) task(ctx context.Context, s *sourceRun) ([]*chosen, error) {
	t, err := q.koji.GetTaskInfo(ctx, s.ID)
	if errors.Is(err, koji.ErrNotFound) {
		q.problem(Problem{Code: CodeTaskNotFound, Field: s.field, Sentence: fmt.Sprintf("Koji has no task %d.", s.ID), Remedy: "Check the number."})
		return nil, nil
	}
	if err != nil {
		return nil, upstream(err, s.field)
	}
	s.info.Title = fmt.Sprintf("%s task %d", t.Method, t.ID)
	s.info.Task = describeTask(t)
	if !q.taskClosed(t, s.field) {
		return nil, nil
	}
	tasks, err := q.taskTree(ctx, t, s)
	if err != nil || tasks == nil {
		return nil, err
	}
	files, left, err := q.taskFiles(ctx, tasks, s)
	if err != nil {
		return nil, err
	}
	switch {
	case left.total == 0:
		return q.movedToBuild(ctx, t, s)
	case left.gone != nil:
		q.taskExpired(left.gone, s)
		return nil, nil
	case len(files) == 0:
		q.problem(Problem{
			Code: CodeNoRPMsForArch, Field: s.field, Remedy: "Choose an architecture that the task was run for.",
			Sentence: fmt.Sprintf("The task %d has no RPM for %s; it has RPMs for %s.", t.ID, q.req.Arch, strings.Join(left.arches, ", ")),
		})
		return nil, nil
	}
	if done := s.info.Task.Completed; done != nil {
		expires := done.Add(taskRetention)
		s.info.Task.Expires = &expires
	}
	return nil, q.headers(ctx, files, s)
}

// headers reads the headers of many files, some at a time.
func (q *resolution) headers(ctx context.Context, files []remoteRPM, s *sourceRun) error {
	first := len(q.problems)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, f := range files {
		group.Go(func() error { return q.header(ctx, f, s) })
	}
	err := group.Wait()
	slices.SortStableFunc(q.problems[first:], func(a, b Problem) int { return cmp.Compare(a.Sentence, b.Sentence) })
	q.flushUnsigned(s)
	return err
}

func describeTask(t *koji.Task) *PlanTask {
	p := &PlanTask{ID: t.ID, Method: t.Method, State: strings.ToLower(t.State.String()), Created: t.Created.UTC()}
	if t.Completed != nil {
		done := t.Completed.UTC()
		p.Completed = &done
	}
	if t.OwnerName != nil {
		p.Owner = *t.OwnerName
	}
	if r, ok := t.BuildRequest(); ok {
		p.Scratch, p.Target, p.Origin = r.Scratch, r.Target, r.Source
	}
	return p
}

// makesRPMs tells whether the output of a task of this method can be RPMs.
func makesRPMs(method string) bool {
	switch method {
	case "build", "buildArch", "rebuildSRPM", "buildSRPMFromSCM", "chainbuild":
		return true
	}
	return false
}

func (q *resolution) taskClosed(t *koji.Task, field string) bool {
	p := Problem{Field: field, Code: CodeTaskFailed, Remedy: "Name a task that closed; the tasks below it that did, one for each architecture, have numbers of their own."}
	switch {
	case !makesRPMs(t.Method):
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

// taskTree lists the task and all closed ones below it; those of the wanted
// architecture come first, so that of files that several left theirs is taken.
func (q *resolution) taskTree(ctx context.Context, t *koji.Task, s *sourceRun) ([]koji.Task, error) {
	tree, err := q.koji.GetTaskDescendents(ctx, t.ID)
	if noSuchMethod(err) {
		var children []koji.Task
		if children, err = q.koji.GetTaskChildren(ctx, t.ID); err == nil {
			tree = map[int][]koji.Task{t.ID: children}
		}
	}
	if err != nil {
		return nil, upstream(err, s.field)
	}
	tasks, seen := []koji.Task{*t}, map[int]bool{t.ID: true}
	for i := 0; i < len(tasks); i++ {
		for _, child := range tree[tasks[i].ID] {
			if seen[child.ID] || child.State != koji.TaskClosed || !makesRPMs(child.Method) {
				continue
			}
			seen[child.ID] = true
			tasks = append(tasks, child)
		}
		if len(tasks) > maxTasks {
			q.problem(Problem{
				Code: CodeSourceTooLarge, Field: s.field, Remedy: "Name the tasks of the single builds.",
				Sentence: fmt.Sprintf("More than %d tasks are below the task %d.", maxTasks, t.ID),
			})
			return nil, nil
		}
	}
	slices.SortStableFunc(tasks, func(a, b koji.Task) int {
		return cmp.Or(cmp.Compare(btoi(a.Arch != q.req.Arch), btoi(b.Arch != q.req.Arch)), cmp.Compare(a.ID, b.ID))
	})
	return tasks, nil
}

// taskLeft is what is left of the files of a task tree.
type taskLeft struct {
	total  int        // RPMs, of all architectures
	arches []string   // of these, without src
	gone   *koji.Task // a task for the wanted architecture whose RPMs are gone
}

// taskFiles lists the wanted RPMs, each name once: a noarch package comes out
// of every architecture's task.
func (q *resolution) taskFiles(ctx context.Context, tasks []koji.Task, s *sourceRun) (files []remoteRPM, left taskLeft, err error) {
	batch := q.koji.Batch()
	pending := make([]*koji.Pending[[]koji.TaskFile], len(tasks))
	for i := range tasks {
		pending[i] = batch.ListTaskOutput(tasks[i].ID)
	}
	var owner *koji.Pending[*koji.User]
	for i := range tasks {
		if t := &tasks[i]; t.ID == s.ID && t.Owner != nil && s.info.Task.Owner == "" {
			owner = koji.BatchCall[*koji.User](batch, "getUser", *t.Owner)
		}
	}
	if err := batch.Do(ctx); err != nil {
		return nil, left, upstream(err, s.field)
	}
	if owner != nil {
		if u, err := owner.Get(); err == nil && u != nil {
			s.info.Task.Owner = u.Name
		}
	}
	seen, paths := map[string]bool{}, q.koji.Paths()
	for i := range tasks {
		t := &tasks[i]
		list, err := pending[i].Get()
		if err != nil {
			return nil, left, upstream(err, s.field)
		}
		slices.SortFunc(list, func(a, b koji.TaskFile) int { return cmp.Compare(a.Name, b.Name) })
		before := left.total
		for _, f := range list {
			base := path.Base(f.Name)
			n, err := rpm.ParseNEVRA(base)
			if !strings.HasSuffix(base, ".rpm") || err != nil {
				continue
			}
			left.total++
			if n.Arch != "src" && !slices.Contains(left.arches, n.Arch) {
				left.arches = append(left.arches, n.Arch)
			}
			if q.wanted(n.Name, n.Arch) && !seen[base] {
				seen[base] = true
				q.noteBranch(n.EVR.Release)
				files = append(files, remoteRPM{name: base, url: paths.Task(t.ID, f.Volume, f.Name), size: f.Size, listed: true})
			}
		}
		if t.Method == "buildArch" && t.Arch == q.req.Arch && left.total == before {
			left.gone = t
		}
	}
	slices.Sort(left.arches)
	return files, left, nil
}

// movedToBuild: a task without files may be one whose build was imported.
func (q *resolution) movedToBuild(ctx context.Context, t *koji.Task, s *sourceRun) ([]*chosen, error) {
	list, err := q.koji.ListBuilds(ctx, koji.BuildOptions{TaskID: t.ID})
	if noSuchMethod(err) {
		list, err = nil, nil
	}
	if err != nil {
		return nil, upstream(err, s.field)
	}
	if len(list) == 0 {
		q.taskExpired(t, s)
		return nil, nil
	}
	b := &list[0]
	if ok, err := q.usable(b, nil, b.NVR, s.field); err != nil || !ok {
		return nil, err
	}
	s.info.Builds = []string{b.NVR}
	s.info.Why = fmt.Sprintf("the build %s that the task %d made", b.NVR, t.ID)
	q.noteBranch(b.Release)
	return []*chosen{{build: b, explicit: true}}, nil
}

func (q *resolution) taskExpired(t *koji.Task, s *sourceRun) {
	p := Problem{
		Code: CodeTaskExpired, Field: s.field, Remedy: "Run the build again; Koji keeps the files of a task for two weeks.",
		Sentence: fmt.Sprintf("The task %d has no RPMs, or they are gone.", t.ID),
	}
	if t.Completed != nil {
		ended := t.Completed.UTC()
		if q.opts.Now().Sub(ended) > taskRetention {
			p.Sentence = fmt.Sprintf("The RPMs of the task %d are gone: it ended on %s, and Koji keeps the files of a task for 14 days.", t.ID, ended.Format(time.DateOnly))
		} else {
			p.Sentence = fmt.Sprintf("The task %d, which ended on %s, has no RPMs, or they are gone.", t.ID, ended.Format(time.DateOnly))
		}
	}
	q.problem(p)
}
