package lorax_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fedora-respin/respin/compose"
	"github.com/fedora-respin/respin/compose/backendtest"
	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/lorax"
	"github.com/fedora-respin/respin/internal/proc"
)

func release(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	backendtest.Repo(t, dir+"/repo", releaseRPMs())
	srv := httptest.NewServer(http.FileServer(http.Dir(dir + "/repo")))
	t.Cleanup(srv.Close)
	return srv.URL + "/"
}

func TestConformance(t *testing.T) {
	t.Parallel()
	url := release(t)
	tools := func(fail string) func(*testing.T) *proc.Runner {
		return func(t *testing.T) *proc.Runner {
			t.Helper()
			runner, _ := built.Runner(t, composetest.Settings{Fail: fail})
			return runner
		}
	}
	t.Run("suite", func(t *testing.T) {
		t.Parallel()
		backendtest.Run(t, backendtest.Suite{
			Backend: &lorax.Backend{},
			Plan:    func(*testing.T) *compose.Plan { return plan(url) },
			Prepare: func(t *testing.T, _ *compose.Plan, j *compose.BackendJob) {
				t.Helper()
				backendtest.Repo(t, j.SideRepo+"/r", sideRPMs())
				j.SideRepo += "/r"
			},
			Tools: tools(""), Failing: tools("depsolve"), Loses: []string{"gpgcheck"},
			Hanging: func(t *testing.T) (*proc.Runner, func() []int) {
				t.Helper()
				runner, dir := built.Runner(t, composetest.Settings{Fail: "hang"})
				return runner, func() []int { return composetest.Hanging(dir) }
			},
		})
	})
}
