// Package compose turns what somebody wants into an image and proves what is in it.
//
// Three nouns carry it. A [Request] says what is wanted: kind, release, arch,
// sources, kickstart. A [Resolver] asks Koji, Bodhi and the repositories and
// freezes the answer in a [Plan]: the exact RPMs with their digests, the
// kickstart text, the base image, the back end. A [Builder] turns a Plan into a
// [Result]: images, side repo, logs and the package report. Data flows one way:
// nothing after the Resolver asks Koji or Bodhi again, and the same Plan gives
// the same bytes where the tool allows it.
//
//	req := compose.Request{Kind: compose.KindRepo, Release: "44", Arch: "x86_64",
//		Sources: []string{"FEDORA-2026-1a2b3c4d5e"}}
//	plan, err := resolver.Resolve(ctx, req)
//	var refused *compose.RefusedError
//	if errors.As(err, &refused) {
//		for _, p := range refused.Problems {
//			fmt.Println(p.Field, p.Sentence, p.Remedy)
//		}
//	}
//	result, err := builder.Build(ctx, plan, compose.Work{ID: "one", Dir: dir})
//
// A request that cannot be built is refused with every problem at once, each
// with a stable code (see [Codes]); a build that fails ends as a [Failure] with
// its stage, one sentence and the log lines that show it.
package compose
