// Package daemon is respin as a service that another program can embed: records
// in SQLite, a durable queue, REST with OpenAPI, web pages, hosting, e-mail and
// a build node, all in one process and with nothing to configure.
//
//	cfg := daemon.Defaults()
//	cfg.Data = "/srv/respin"
//	d, err := daemon.New(ctx, cfg, daemon.Options{Logger: log})
//	if err != nil {
//		return err
//	}
//	defer d.Close()
//	return d.Run(ctx) // serves until ctx ends
//
// The path of a request: Submit records and resolves it, the queue holds its
// Plan, a build node turns it into a Result and publishes it, the event
// consumer writes what happened into the record, and the housekeeper tells
// people. Each step is on disk before the next begins, and each can be run
// again: a kill -9 at any moment loses nothing and publishes nothing twice.
package daemon
