// Package siderepo turns chosen RPMs into a repository that dnf prefers over
// the distribution's own: the side repo of a compose.
//
//	r, err := siderepo.Write(ctx, "/srv/composes/42/repo", []siderepo.Item{
//		{Path: "/cache/hello-1.0-1.fc44.x86_64.rpm"},
//		{Path: "/cache/3f2a…", Name: "world-2.0-1.fc44.noarch.rpm"},
//	}, siderepo.Options{ID: "42", BaseURL: "https://example.org/composes/42/repo/"})
//	if err != nil {
//		return err // what stood at the path before still stands
//	}
//	for _, p := range r.Packages {
//		fmt.Println(p.NEVRA, p.SHA256, p.Location)
//	}
//
// The directory holds Packages/<letter>/*.rpm, repodata/ and respin-<ID>.repo.
// It is built beside its place and swapped in, so readers and kills never meet
// half of it; the same items give the same bytes.
package siderepo
