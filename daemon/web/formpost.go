package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/internal/limitio"
)

// Limits of a posted form. An ISO streams through, everything else is kept in memory.
const (
	maxBody      = 64 << 30               // bytes, with the ISO; the service has its own, lower limit for that
	maxFields    = compose.MaxRequestSize // bytes of all fields together
	maxKickstart = 1 << 20                // bytes
	maxParts     = 100
	stallTimeout = 2 * time.Minute // for a browser that sends nothing
)

// newCompose shows the form: empty, or with ?clone=ID filled as that compose was asked for.
func (p *Pages) newCompose(w http.ResponseWriter, r *http.Request) {
	page := newPage{}
	if id := r.URL.Query().Get("clone"); id != "" {
		req, err := p.service.Request(r.Context(), id)
		if err == nil {
			page.Form, err = formOf(req)
		}
		if err != nil {
			p.fail(w, err, "/composes")
			return
		}
		page.Cloned = id
	}
	page.Form.Once = rand.Text()
	p.showForm(w, r, http.StatusOK, page)
}

func (p *Pages) showForm(w http.ResponseWriter, r *http.Request, status int, page newPage) {
	releases, err := p.service.Releases(r.Context())
	if err != nil {
		// What was typed counts for more than the list of kinds.
		if page.Problem == nil {
			p.fail(w, err, "/")
			return
		}
		for _, k := range compose.Kinds() {
			releases.Kinds = append(releases.Kinds, api.KindInfo{Kind: k, Available: true})
		}
		releases.Arches = compose.Arches()
	}
	for _, k := range releases.Kinds {
		if k.Available {
			page.Available = append(page.Available, k)
		} else {
			page.Unavailable = append(page.Unavailable, k)
		}
	}
	page.Arches, page.MaxKS = releases.Arches, maxKickstart
	page.Recognized = sourceLines(page.Form.Sources)
	title := "New compose"
	if page.Problem != nil {
		title = "Error: " + title
	}
	p.render(w, status, "new", view{Title: title, Nav: "new", Page: page})
}

// submit takes the form.
func (p *Pages) submit(w http.ResponseWriter, r *http.Request) {
	f, problems, err := p.receive(w, r)
	if err != nil {
		p.showProblem(w, api.Problem{
			Title: "Form not understood", Status: http.StatusBadRequest, Code: "bad-request",
			Detail: "The form did not arrive whole, or is none of this page's.", Remedy: "Go back and send it again.",
		}, "/")
		p.log.Debug("read form", "error", err)
		return
	}
	req, wrong := f.request()
	problems = append(problems, wrong...)
	var made api.Compose
	if len(problems) > 0 {
		err = compose.Refuse(append(problems, alsoWrong(&req, problems)...)...)
	} else {
		made, err = p.service.Submit(r.Context(), req, f.Once)
	}
	if err != nil {
		problem := p.service.Problem(err)
		if problem.Status < http.StatusBadRequest || problem.Status > 599 {
			problem.Status = http.StatusUnprocessableEntity
		}
		p.showForm(w, r, problem.Status, newPage{Form: f, Problem: &problem, Problems: f.formProblems(problem.Problems)})
		return
	}
	to := "/composes/" + url.PathEscape(made.ID)
	if made.Reused {
		to += "?reused"
	}
	redirect(w, to)
}

// alsoWrong adds what is wrong with the request's text to the problems of the
// form, so that everything is said at once, but not what merely follows from them.
func alsoWrong(req *compose.Request, problems []compose.Problem) []compose.Problem {
	noBase := slices.ContainsFunc(problems, func(p compose.Problem) bool { return controlOf(p.Field) == "base_file" })
	return slices.DeleteFunc(req.Check(), func(p compose.Problem) bool { return noBase && p.Code == compose.CodeBaseRequired })
}

// receive reads the parts of the form as they come. An ISO goes on to the
// service at once; when the rest turns out to be wrong, its id stays in the form
// and it need not be sent again.
func (p *Pages) receive(w http.ResponseWriter, r *http.Request) (form, []compose.Problem, error) {
	rc := http.NewResponseController(w)
	r.Body = struct {
		io.Reader
		io.Closer
	}{&patient{r: http.MaxBytesReader(w, r.Body, maxBody), rc: rc}, r.Body}
	// Left in place, the deadline would end the request while Koji is asked.
	defer func() { _ = rc.SetReadDeadline(time.Time{}) }()
	parts, err := r.MultipartReader()
	if err != nil {
		return form{}, nil, fmt.Errorf("read form: %w", err)
	}
	in := &intake{pages: p, left: maxFields, fromFile: map[string]bool{}}
	for range maxParts {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return in.form, in.problems, nil
		}
		if err == nil {
			err = in.take(r.Context(), part)
		}
		if err != nil {
			return form{}, nil, fmt.Errorf("read form: %w", err)
		}
	}
	return form{}, nil, fmt.Errorf("read form: more than %d parts", maxParts)
}

// patient gives a slow browser time as long as it sends something.
type patient struct {
	r  io.Reader
	rc *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	_ = p.rc.SetReadDeadline(time.Now().Add(stallTimeout)) // not every writer has one
	return p.r.Read(b)
}

// intake collects the parts of one form.
type intake struct {
	pages    *Pages
	form     form
	problems []compose.Problem
	left     int64           // bytes that fields may still take
	fromFile map[string]bool // fields that a file gave, which what is typed does not replace
}

func (in *intake) take(ctx context.Context, part *multipart.Part) error {
	name := part.FormName()
	switch name {
	case "base_file", "kickstart_file":
		if part.FileName() == "" { // none was chosen
			return nil
		}
		if name == "base_file" {
			return in.takeISO(ctx, part)
		}
		return in.takeKickstart(part)
	}
	if on, ok := in.form.switches()[name]; ok {
		*on = true
		return nil
	}
	field, ok := in.form.fields()[name]
	if !ok {
		return nil
	}
	text, err := in.text(part, in.left, name)
	if err == nil && !in.fromFile[name] {
		*field = text
	}
	return err
}

// text reads a part of at most limit bytes. A longer one is a problem of field.
func (in *intake) text(part *multipart.Part, limit int64, field string) (string, error) {
	data, err := limitio.ReadAll(part, min(limit, in.left), "it")
	in.left -= int64(len(data))
	if tooLarge, ok := errors.AsType[*limitio.TooLargeError](err); ok {
		in.problems = append(in.problems, compose.Problem{
			Code: compose.CodeInvalidRequest, Field: field, Sentence: fmt.Sprintf("This is longer than the %d bytes that there is room for.", tooLarge.Limit), Remedy: "Shorten it.",
		})
		return "", nil
	}
	return clean(data), err
}

// clean is text as the library takes it: UTF-8, with lines that end in LF alone.
func clean(data []byte) string {
	return strings.ReplaceAll(strings.ToValidUTF8(string(data), "\uFFFD"), "\r\n", "\n")
}

// takeKickstart reads a kickstart file. It takes the place of the text typed.
func (in *intake) takeKickstart(part *multipart.Part) error {
	text, err := in.text(part, maxKickstart, "kickstart")
	if err == nil && text != "" {
		in.form.Kickstart, in.fromFile["kickstart"] = text, true
	}
	return err
}

func (in *intake) takeISO(ctx context.Context, part *multipart.Part) error {
	upload, err := in.pages.service.Upload(ctx, part.FileName(), -1, part)
	if err == nil {
		in.form.BaseUpload, in.form.BaseUploadName = upload.ID, upload.Name
		in.fromFile["base_upload"], in.fromFile["base_upload_name"] = true, true
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// The rest of the part is read and dropped: a browser shows no answer
	// before it has sent everything.
	problem := in.pages.service.Problem(err)
	in.problems = append(in.problems, compose.Problem{Code: problem.Code, Field: "base.upload", Sentence: problem.Detail, Remedy: problem.Remedy})
	return nil
}

// recognize answers the script of the form: the sources as text in, the list
// below the text area out. So the page and the server never disagree.
func (p *Pages) recognize(w http.ResponseWriter, r *http.Request) {
	data, err := limitio.ReadAll(r.Body, 64<<10, "the sources")
	if err != nil {
		http.Error(w, "The sources are too long to be looked at.", http.StatusRequestEntityTooLarge)
		return
	}
	p.renderPart(w, "recognized", sourceLines(clean(data)))
}
