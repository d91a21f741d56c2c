package diagnose

import (
	"fmt"
	"syscall"
)

// byFacts gives the verdict that the caller's facts force, or those of a tool
// whose logs say nothing.
func (j *judge) byFacts(v *Verdict, root *hit) bool {
	f := j.facts
	because := func(codes ...Code) bool {
		for _, c := range codes {
			if root != nil && root.code == c {
				return false
			}
		}
		return true
	}
	switch {
	case f.NodeLost:
		return j.fact(v, NodeLost, "The build host was lost while the build ran.")
	case f.OOMKilled && because(OutOfMemory):
		return j.fact(v, OutOfMemory, j.tool()+" was ended by the kernel because its memory ran out.")
	case f.TimedOut && because(DiskFull, OutOfMemory, TimeLimit):
		return j.fact(v, TimeLimit, j.tool()+" took longer than it may, and was ended.")
	case root != nil:
		return false
	}
	return j.byStatus(v)
}

// byStatus is what the end of a silent tool says. 128+n is how shells report the
// signal n; 124 is timeout's; mock's are in mockbuild/exception.py.
func (j *judge) byStatus(v *Verdict) bool {
	f := j.facts
	signal := f.Signal
	if signal == 0 && f.Exit > 128 && f.Exit <= 128+31 {
		signal = syscall.Signal(f.Exit - 128)
	}
	switch signal {
	case 0:
	case syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGBUS, syscall.SIGILL, syscall.SIGFPE:
		return j.fact(v, ToolCrashed, fmt.Sprintf("%s crashed: %s.", j.tool(), signal))
	case syscall.SIGXCPU:
		return j.fact(v, TimeLimit, j.tool()+" used up its processor time.")
	case syscall.SIGXFSZ:
		return j.fact(v, DiskFull, j.tool()+" was ended because a file became larger than it may.")
	case syscall.SIGKILL:
		return j.fact(v, Killed, j.tool()+" was killed; often that is the kernel when memory runs out.")
	default:
		return j.fact(v, Killed, fmt.Sprintf("%s was ended by a signal: %s.", j.tool(), signal))
	}
	if f.Exit == 124 {
		return j.fact(v, TimeLimit, j.tool()+" took longer than it may, and was ended.")
	}
	if f.Exit == 127 {
		return j.fact(v, ToolMissing, "A program that was to be run is not there.")
	}
	if f.Tool != mock {
		return false
	}
	switch f.Exit {
	case 2:
		return j.fact(v, PermissionDenied, "mock was run without its wrapper (/usr/bin/mock).")
	case 3:
		return j.fact(v, TemplateError, "mock's configuration is not valid.")
	case 5:
		return j.fact(v, ToolUsage, "mock was called in a way that it does not know.")
	case 6:
		return j.fact(v, WrongArch, "mock cannot build for that architecture here.")
	case 11:
		return j.fact(v, TimeLimit, "mock's command took longer than it may.")
	case 60, 65:
		return j.fact(v, Busy, "mock's build root is in use by another process.")
	case 70:
		return j.fact(v, PermissionDenied, "mock could not make its result directory.")
	case 80:
		return j.fact(v, PermissionDenied, "mock could not make its namespaces.")
	}
	return false
}

// fact fills in a verdict that no line alone proves: the last lines are shown.
func (j *judge) fact(v *Verdict, code Code, sentence string) bool {
	v.Code, v.Sentence, v.Tool = code, sentence, j.facts.Tool
	words, _ := j.lastWords()
	v.Evidence = j.sorted(words)
	return true
}

func (j *judge) tool() string {
	if j.facts.Tool == "" {
		return "The tool"
	}
	return j.facts.Tool
}
