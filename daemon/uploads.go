package daemon

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/kiwidesc"
	"github.com/fedora-respin/respin/daemon/api"
	"github.com/fedora-respin/respin/daemon/store"
	"github.com/fedora-respin/respin/internal/atomicfile"
	"github.com/fedora-respin/respin/internal/limitio"
	"github.com/fedora-respin/respin/repo/rpm"
)

func (d *Daemon) restUploads(a huma.API) {
	upload := op("upload", http.MethodPost, "/api/v1/uploads", "Bring an RPM, an ISO, a kiwi description (tar) or another file of one's own", 401, 403, 413, 422, 507)
	upload.MaxBodyBytes, upload.BodyReadTimeout, upload.DefaultStatus = -1, -1, http.StatusCreated
	binary := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	upload.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/octet-stream": binary}}
	upload.Responses = map[string]*huma.Response{"201": {Description: "Created", Content: map[string]*huma.MediaType{"application/json": {}}}}
	huma.Register(a, upload, func(ctx context.Context, in *struct {
		Name string `query:"name" required:"true" maxLength:"200" doc:"file name; an RPM's ends in .rpm, an image's in .iso, a kiwi description's in .tar"`
		Type string `query:"type" enum:"file" doc:"says that it is for the medium of a remaster, whatever it is called, and not looked into; default: what its name ends in"`
	},
	) (*huma.StreamResponse, error) {
		if err := d.allow(ctx, scopeSubmit); err != nil {
			return nil, d.answer(err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			u, err := d.receive(ctx, in.Name, in.Type, r.ContentLength, r.Body)
			if err != nil {
				d.writeProblem(w, err)
				return
			}
			d.writeJSON(w, http.StatusCreated, viewUpload(&u))
		}}, nil
	})
	huma.Register(a, op("upload-show", http.MethodGet, "/api/v1/uploads/{id}", "What was uploaded", 404), func(ctx context.Context, in *idInput) (*body[api.Upload], error) {
		u, err := d.upload(ctx, in.ID)
		return &body[api.Upload]{viewUpload(&u)}, d.answer(err)
	})
	file := op("upload-file", http.MethodGet, "/api/v1/uploads/{id}/{name}", "Its content", 404)
	file.Responses = stream("application/octet-stream")
	huma.Register(a, file, func(ctx context.Context, in *struct {
		ID   string `path:"id" doc:"id of the upload, or its first digits" maxLength:"64"`
		Name string `path:"name" maxLength:"200"`
	},
	) (*huma.StreamResponse, error) {
		u, err := d.upload(ctx, in.ID)
		if err != nil {
			return nil, d.answer(err)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("X-Content-Type-Options", "nosniff") // it may be a page of anybody's
			w.Header().Set("ETag", `"`+u.ID+`"`)
			http.ServeFile(w, r, d.uploadPath(u.ID))
		}}, nil
	})
}

func (d *Daemon) upload(ctx context.Context, id string) (store.Upload, error) {
	u, err := d.store.Upload(ctx, strings.ToLower(id))
	if errors.Is(err, store.ErrNotFound) {
		err = refuseCall(compose.CodeUploadNotFound, http.StatusNotFound, "There is no upload of that id.", "Upload the file.")
	}
	return u, err
}

func viewUpload(u *store.Upload) api.Upload {
	return api.Upload{ID: u.ID, Name: u.Name, Type: u.Type, Size: u.Size, SHA256: u.ID, NEVRA: u.NEVRA, Time: u.Created}
}

// receive stores an upload. It is looked into before it gets a name: what is
// no RPM, ISO or description is refused, unless it comes as a plain file, and
// nothing of it stays.
func (d *Daemon) receive(ctx context.Context, name, kind string, length int64, r io.Reader) (store.Upload, error) {
	var u store.Upload
	kind = cmp.Or(kind, strings.TrimPrefix(path.Ext(name), "."))
	if kind != "rpm" && kind != "iso" && kind != compose.UploadTar && kind != api.UploadFile || name != path.Base(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return u, refuseCall(codeBadRequest, http.StatusUnprocessableEntity, "An upload is named like a file, and ends in .rpm, .iso or .tar.", "Give its name with ?name=, and another file's type with &type=file.")
	}
	free, err := d.freeDisk(ctx, min(max(length, 1), d.cfg.Limits.Upload))
	if err != nil {
		return u, err
	}
	limit := min(d.cfg.Limits.Upload, free-d.cfg.Limits.DiskFloor)
	if free-d.cfg.Limits.DiskFloor < length || limit <= 0 {
		return u, compose.Refuse(compose.Problem{Code: compose.CodeDiskFull, Sentence: "The server has no room for this upload.", Remedy: "Ask the operator for room."})
	}
	f, err := atomicfile.Create(filepath.Join(d.cfg.Data, "uploads", "new"), 0o644)
	if err != nil {
		return u, err
	}
	defer f.Abort()
	h := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, h), limitio.Reader(r, limit, "the upload"))
	if tooLarge, ok := errors.AsType[*limitio.TooLargeError](err); ok {
		return u, refuseCall(codeTooLarge, http.StatusRequestEntityTooLarge, "The upload is larger than this server takes: "+tooLarge.Error()+".", "Ask the operator.")
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return u, fmt.Errorf("store upload: %w", syscall.ENOSPC)
	}
	if err != nil {
		return u, refuseCall(codeBadRequest, http.StatusBadRequest, "The upload broke off.", "Send it again.")
	}
	u = store.Upload{ID: hex.EncodeToString(h.Sum(nil)), Name: name, Type: kind, Size: size, Created: d.now().UTC()}
	if u.NEVRA, err = inspectUpload(f.Name(), kind); err != nil {
		return u, err
	}
	if err := f.CommitAs(d.uploadPath(u.ID)); err != nil {
		return u, err
	}
	return u, d.store.PutUpload(ctx, u)
}

// inspectUpload refuses what is not what its name says.
func inspectUpload(file, kind string) (nevra string, err error) {
	switch kind {
	case api.UploadFile:
		return "", nil
	case compose.UploadTar:
		return "", inspectDescription(file)
	case "iso":
		if _, err := iso.Inspect(file); err != nil {
			reason := err.Error()
			if not, ok := errors.AsType[*iso.NotISOError](err); ok {
				reason = not.Reason
			}
			return "", compose.Refuse(compose.Problem{Code: compose.CodeBaseNotISO, Field: "base", Sentence: "The uploaded file is not an ISO 9660 image: " + reason + ".", Remedy: "Give a boot.iso."})
		}
		return "", nil
	}
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read upload: %w", err)
	}
	defer func() { _ = f.Close() }()
	v, err := rpm.Verify(f, rpm.VerifyOptions{})
	if err == nil {
		err = v.Err()
	}
	if err != nil {
		return "", compose.Refuse(compose.Problem{Code: compose.CodeRPMUnreadable, Field: "sources", Sentence: "The uploaded file is no sound RPM: " + err.Error() + ".", Remedy: "Build or download it again."})
	}
	return v.Package.NEVRA().String(), nil
}

var plainExt = regexp.MustCompile(`^\.[A-Za-z0-9]{1,10}$`)

// contentExt is what the URL of an upload ends in: a fetcher takes a web page for
// a mistake unless it asked for one.
func contentExt(u *store.Upload) string {
	if ext := path.Ext(u.Name); u.Type == api.UploadFile && plainExt.MatchString(ext) {
		return ext
	}
	return "." + u.Type
}

// inspectDescription refuses an archive that no description can be unpacked from.
// Which file of it counts only a request says.
func inspectDescription(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("read upload: %w", err)
	}
	defer func() { _ = f.Close() }()
	if _, err := kiwidesc.Open(f); err != nil {
		reason := err.Error()
		if bad, ok := errors.AsType[*kiwidesc.ArchiveError](err); ok {
			reason = bad.Error()
		}
		return compose.Refuse(compose.Problem{
			Code: compose.CodeBadDescription, Field: "options.kiwi.description", Sentence: "The uploaded file is no archive of a kiwi description: " + reason + ".",
			Remedy: "Pack the description's directory with tar.",
		})
	}
	return nil
}

// planUpload is how the resolver finds an upload.
func (d *Daemon) planUpload(ctx context.Context, id string) (compose.Uploaded, error) {
	u, err := d.store.Upload(ctx, strings.ToLower(id))
	if errors.Is(err, store.ErrNotFound) {
		return compose.Uploaded{}, compose.ErrNoUpload
	}
	if err == nil {
		err = d.store.UseUpload(ctx, u.ID, d.now()) // it stays as long as it is used
	}
	return compose.Uploaded{
		ID: u.ID, Name: u.Name, Type: u.Type, Path: d.uploadPath(u.ID), Size: u.Size, SHA256: u.ID,
		URL: d.cfg.URL + "/api/v1/uploads/" + u.ID + "/content" + contentExt(&u),
	}, err
}

// planCompose is how the resolver finds the image of an earlier compose.
func (d *Daemon) planCompose(ctx context.Context, id string) (compose.PlanBase, error) {
	c, err := d.store.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return compose.PlanBase{}, compose.ErrNoUpload
	}
	if err != nil {
		return compose.PlanBase{}, err
	}
	if c.State == compose.StateSucceeded && c.Result != nil {
		d.fillURLs(c)
		for _, a := range c.Result.Artifacts {
			if a.Type == compose.ArtifactISO {
				return compose.PlanBase{URL: a.URL, SHA256: a.SHA256, Size: a.Size, VolID: c.Plan.VolID, Arch: c.Request.Arch}, nil
			}
		}
	}
	return compose.PlanBase{}, compose.ErrNoUpload
}
