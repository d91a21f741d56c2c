// Package notify tells people by e-mail how a compose ended: with the links to
// what was made, or with the reason and the log. It is for the daemon, which
// fills an Event from its records, and knows nothing of the other packages.
//
//	n, err := notify.New(notify.Config{Host: "mail.example.org", From: "respin@example.org", TLS: notify.TLSStartTLS})
//	if err != nil {
//		return err
//	}
//	err = n.Send(ctx, notify.Message{To: []string{"qa@example.org"}, Event: event})
//	if notify.IsTemporary(err) {
//		// queue it again; the Message-ID stays the same
//	}
//
// Every recipient gets a message of his own, as text with an HTML alternative.
// The Message-ID is made of the compose's id and state: a message that is sent
// twice because the daemon was killed between the sending and the record of it
// can be recognized, and many mail systems drop the second.
//
// What an Event says was written by users and tools. It is stripped of control
// characters, shortened and escaped; addresses with line breaks are refused.
package notify
