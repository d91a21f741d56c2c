// Package bodhi is a typed client of the read side of Bodhi, Fedora's update
// system (https://bodhi.fedoraproject.org). It answers the questions a tester
// of updates asks: which builds does this update consist of, which update is
// this build in, what is on its way into a release, is an update really in the
// testing repository yet.
//
// Every call is anonymous, takes a context, is bounded in time and in memory,
// and is repeated on a passing failure of the network or of a proxy:
//
//	client, err := bodhi.New(bodhi.DefaultURL, bodhi.Options{})
//	if err != nil {
//		return err
//	}
//	update, err := client.Update(ctx, "FEDORA-2024-f39890a065")
//	switch {
//	case errors.Is(err, bodhi.ErrNotFound): // no such update
//	case errors.Is(err, bodhi.ErrUnreachable): // try again later
//	case err == nil:
//		fmt.Println(update.Status, update.NVRs())
//	}
//
// Lists are iterators that fetch page after page as they are consumed:
//
//	query := bodhi.UpdateQuery{
//		Releases: []string{"F40"},
//		Status:   []bodhi.UpdateStatus{bodhi.StatusPending, bodhi.StatusTesting},
//	}
//	for update, err := range client.Updates(ctx, query) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(update.Alias, update.Title)
//	}
//
// Calls that end in Page give one page with the numbers for a pager of one's own.
//
// Every read endpoint has a method: Update, Updates, TestResults; Release,
// Releases, ListReleases; Build, Builds; Packages; Comment, Comments; User,
// Users; Override, Overrides; Compose, Composes; the views that pass on Koji's answers (LatestBuilds,
// LatestBuildsInTag, LatestCandidates, SideTags, CritpathComponents);
// MessageTopics, MessageSchema, Version, Live and Ready.
//
// Bodhi ignores query parameters it does not know, so a misspelled filter
// would select everything: queries are therefore structs, never free strings.
// Lists are always sent as repeated keys, the only form every parameter takes.
//
// Bodhi's answers carry the e-mail addresses of its users. The types here do
// not declare them: they are dropped while decoding. Whatever looks like one is
// taken out of errors, of the log and of what Greenwave says; the texts that
// people wrote (notes, comments) stay as they are.
//
// Shapes and quirks follow bodhi-server/bodhi/server (services, schemas.py,
// models.py) of fedora-infra/bodhi. The package bodhitest serves the same
// answers from memory.
package bodhi
