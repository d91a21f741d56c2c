// Package http publishes sets by HTTP into the directory of another daemon:
// the client is a publish.Publisher for build nodes elsewhere, [NewHandler] is
// the server's side.
//
//	p, err := http.New(http.Config{URL: "https://host/upload/", Token: "..."})
//	staged, err := p.Stage(ctx, set, progress)
//	loc, err := p.Finalize(ctx, staged)
//
//	h, err := http.NewHandler(http.Options{Publisher: dirPublisher, Authorize: check})
//	mux.Handle("/upload/", nethttp.StripPrefix("/upload/", h))
//
// The protocol, below the base URL, with "Authorization: Bearer TOKEN":
//
//	HEAD   ID.ATTEMPT/PATH      Upload-Offset (bytes there), Upload-Complete (?1, ?0), Repr-Digest when complete
//	PUT    ID.ATTEMPT/PATH      Content-Range: bytes FIRST-LAST/TOTAL to go on, Repr-Digest: sha-256=:BASE64: of the
//	                            whole file, Last-Modified; 201 complete; 409 with Upload-Offset when FIRST is not that
//	POST   ID.ATTEMPT/finalize  the Staged record -> the Location, both JSON
//	GET    ID                   {"digest": ...} of the published set, or 404
//	DELETE ID[?attempt=N]       removes it
//
// Errors are application/problem+json (RFC 9457) with a stable "code"; a full
// disk or quota is 507.
package http
