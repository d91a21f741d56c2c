package bodhitest

// The values the schemas accept, in the order of models.py. They are written
// out here and not taken from the client, so that a misspelled constant there
// is refused.

func statuses() []string { return []string{"pending", "testing", "stable", "unpushed", "obsolete"} }

func gatings() []string {
	return []string{"waiting", "ignored", "queued", "running", "passed", "failed", "greenwave_failed"}
}

func requests() []string    { return []string{"testing", "obsolete", "unpush", "revoke", "stable"} }
func severities() []string  { return []string{"unspecified", "urgent", "high", "medium", "low"} }
func suggestions() []string { return []string{"unspecified", "reboot", "logout"} }

func types() []string {
	return []string{"bugfix", "security", "newpackage", "enhancement", "unspecified"}
}

func contents() []string { return []string{"base", "rpm", "module", "container", "flatpak"} }

func releaseStates() []string {
	return []string{"disabled", "pending", "frozen", "current", "archived"}
}
