package compose

// ToolError says why a tool failed, as its output and its logs tell.
type ToolError struct {
	Tool  string
	Stage string   // the back end's name for where it stood
	Lines []string // at least one; the most telling first
	Err   error    // how it ended; wraps a *proc.Error
}

func (e *ToolError) Error() string { return e.Err.Error() + ": " + e.Lines[0] }

// Unwrap returns how the tool ended.
func (e *ToolError) Unwrap() error { return e.Err }

func (e *ToolError) evidence() []string { return evidence(e.Lines[:min(len(e.Lines), maxEvidence)]) }
