// Package bodhitest is a Bodhi in memory for the tests of programs that ask
// Bodhi: an http.Handler that speaks the real wire format, with releases and
// updates added by a few lines of Go.
//
//	hub := bodhitest.New(bodhitest.Options{})
//	hub.AddRelease(bodhitest.Fedora(40))
//	alias, err := hub.AddUpdate(bodhitest.Update{
//		Release: "F40",
//		Builds:  []bodhi.Build{{NVR: "vim-9.1.1-1.fc40", Signed: true}},
//		Status:  bodhi.StatusTesting,
//	})
//	server := httptest.NewServer(hub)
//	client, err := bodhi.New(server.URL, bodhi.Options{})
//
// It keeps the quirks that programs stumble over: unknown parameters are
// ignored, some lists must be repeated keys and others may be split at commas, a
// package's name in place of an alias redirects, unknown paths answer in HTML,
// pages are 20 rows. SetFault makes it answer as a proxy in trouble does, slowly,
// cut off, or with rows that repeat.
//
// Users, comments and overrides, composes in progress, decisions of Greenwave,
// side tags and what Koji has in its tags are added in the same way.
//
// Not served: everything that writes, HTML pages and feeds.
package bodhitest
