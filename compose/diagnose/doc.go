// Package diagnose finds out from the logs of image tools why a compose failed:
// one code, one sentence, up to three lines of evidence and what to do. It reads
// the logs of lorax, livemedia-creator, anaconda, dnf 4 and 5, yum, rpm, mock,
// xorriso, kiwi and Koji's image tasks; less well those of osbuild, Image Factory,
// livecd-tools, mkosi, rpm-ostree, podman, virt-install and what runs them.
//
//	classifier := diagnose.New(diagnose.Options{})
//	verdict, err := classifier.Read(ctx, []diagnose.Log{
//		{Name: "lorax.log", Reader: lorax},
//		{Name: "program.log", Reader: program},
//	}, diagnose.Facts{Tool: "lorax", Exit: 1})
//	fmt.Println(verdict.Code, verdict.Sentence, verdict.Remedy)
//	for _, e := range verdict.Evidence {
//		fmt.Println(e) // program.log:812: cp: error writing '/x': No space left on device
//	}
//
// What is known stands in one table of rules (rules_*.go), written from what the
// tools' sources print. When several causes show, the one that explains the
// others is taken: a full disk behind a failed transaction behind "Image creation
// failed". How often that is right of logs not seen before is told in
// docs/diagnosis.md. A log that no rule knows gives the code Unknown and its last words.
// Secrets are masked in everything that a Verdict says.
//
// Logs are streamed: 200 MB take about a second, memory does not grow with them.
// Expressions are RE2's, and run only on lines that hold a key of their rule.
package diagnose
