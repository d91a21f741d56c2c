package smtptest

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
)

// Message is one accepted message. From and To are those of the envelope; what
// is inside is parsed as far as it goes.
type Message struct {
	From    string
	To      []string
	Data    []byte // as received
	Header  mail.Header
	Subject string // decoded
	Text    string // the text/plain part, decoded
	HTML    string // the text/html part, decoded
}

// parse reads what it can; Data is kept in any case.
func parse(data []byte) Message {
	m := Message{Data: data, Header: mail.Header{}}
	msg, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return m
	}
	m.Header = msg.Header
	m.Subject = msg.Header.Get("Subject")
	if decoded, err := new(mime.WordDecoder).DecodeHeader(m.Subject); err == nil {
		m.Subject = decoded
	}
	m.part(msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body, 0)
	return m
}

// part reads a body, and the parts of one at most five levels deep.
func (m *Message) part(contentType, encoding string, body io.Reader, depth int) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = "text/plain"
	}
	if strings.HasPrefix(media, "multipart/") && depth < 5 {
		parts := multipart.NewReader(body, params["boundary"])
		for {
			p, err := parts.NextRawPart()
			if err != nil {
				return
			}
			m.part(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1)
		}
	}
	switch strings.ToLower(encoding) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return
	}
	decoded := strings.ReplaceAll(string(text), "\r\n", "\n")
	switch {
	case media == "text/html" && m.HTML == "":
		m.HTML = decoded
	case media == "text/plain" && m.Text == "":
		m.Text = decoded
	}
}
