package compose

import (
	"sync"
	"time"
)

// Progress is where a build stands.
type Progress struct {
	Stage   Stage  `json:"stage"`
	Percent int    `json:"percent"` // of the whole build, 0 to 100, never falling
	Message string `json:"message,omitempty"`
}

// weight is the share of a stage in the whole, in percent. The numbers follow
// where time goes on a warm cache; they only steer the bar.
func weight(s Stage) int {
	switch s {
	case StageFetch:
		return 30
	case StageSideRepo:
		return 8
	case StageKickstart:
		return 2
	case StageCompose:
		return 40
	case StageVerify:
		return 10
	case StageSmoke, StagePublish:
		return 5
	case StageResolve: // over before a build begins
	}
	return 0
}

// tracker times the stages of one build and reports its progress.
type tracker struct {
	report func(Progress)
	now    func() time.Time

	mu      sync.Mutex
	stage   Stage
	percent int
	started time.Time
	timings []Timing
}

// begin ends the stage under way and starts s.
func (t *tracker) begin(s Stage, message string) {
	t.end()
	t.mu.Lock()
	t.stage, t.started = s, t.now()
	t.mu.Unlock()
	t.step(0, message)
}

// end closes the stage under way.
func (t *tracker) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stage == "" {
		return
	}
	t.timings = append(t.timings, Timing{Stage: t.stage, Started: t.started.UTC(), Seconds: t.now().Sub(t.started).Seconds()})
	t.stage = ""
}

// step reports percent of the stage under way.
func (t *tracker) step(percent int, message string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for _, s := range Stages() {
		if s == t.stage {
			break
		}
		total += weight(s)
	}
	total += weight(t.stage) * min(max(percent, 0), 100) / 100
	t.percent = max(t.percent, total)
	if t.report != nil {
		t.report(Progress{Stage: t.stage, Percent: t.percent, Message: message})
	}
}

func (t *tracker) current() Stage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stage
}
