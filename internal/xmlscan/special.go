package xmlscan

import (
	"bytes"
	"strings"
)

// special reads what starts with <! or <?. It returns Text for a CDATA section
// and 0 for what is passed over.
func (s *Scanner) special() (Kind, error) {
	if s.buf[s.pos+1] == '?' {
		return 0, s.instruction()
	}
	if err := s.need(len("<!--")); err != nil {
		return 0, err
	}
	if string(s.buf[s.pos:s.pos+4]) == "<!--" {
		return 0, s.comment()
	}
	if err := s.need(len("<![CDATA[")); err != nil {
		return 0, err
	}
	switch string(s.buf[s.pos : s.pos+9]) {
	case "<![CDATA[":
		return s.cdata()
	case "<!DOCTYPE":
		return 0, s.doctype()
	}
	return 0, s.fail("unknown markup %q", s.buf[s.pos:s.pos+9])
}

// comment passes over <!-- ... -->.
func (s *Scanner) comment() error {
	n, err := s.find("--", len("<!--"), "a comment")
	if err != nil {
		return err
	}
	if err := s.need(n + 3); err != nil {
		return err
	}
	if s.buf[s.pos+n+2] != '>' {
		return s.fail("-- in a comment")
	}
	return s.passOver("a comment", len("<!--"), n, n+3)
}

// passOver checks the characters from from to to and moves to end.
func (s *Scanner) passOver(what string, from, to, end int) error {
	if _, reason := resolve(s.buf[s.pos+from:s.pos+to], rawClasses); reason != "" {
		return s.fail("%s: %s", what, reason)
	}
	s.pos += end
	s.started = true
	return nil
}

// cdata reads <![CDATA[ ... ]]>.
func (s *Scanner) cdata() (Kind, error) {
	if len(s.marks) == 0 {
		return 0, s.fail("text outside the root element")
	}
	const open, shut = "<![CDATA[", "]]>"
	n, err := s.find(shut, len(open), "a CDATA section")
	if err != nil {
		return 0, err
	}
	text, reason := resolve(s.buf[s.pos+len(open):s.pos+n], rawClasses)
	if reason != "" {
		return 0, s.fail("%s", reason)
	}
	s.text = text
	s.pos += n + len(shut)
	return Text, nil
}

// doctype passes over a document type that declares nothing itself. Comps files
// have one that names their DTD, which is never fetched.
func (s *Scanner) doctype() error {
	if s.rooted || s.doctyped {
		return s.fail("document type out of place")
	}
	s.doctyped = true
	n, err := s.find(">", len("<!DOCTYPE"), "a document type")
	if err != nil {
		return err
	}
	if reason := checkDoctype(s.buf[s.pos+len("<!DOCTYPE") : s.pos+n]); reason != "" {
		return s.fail("%s", reason)
	}
	return s.passOver("document type", len("<!DOCTYPE"), n, n+1)
}

// checkDoctype accepts names and quoted texts, and space between them.
func checkDoctype(body []byte) (reason string) {
	if len(body) == 0 || !isSpace(body[0]) {
		return "malformed document type"
	}
	for i := 0; i < len(body); {
		i = skipSpace(body, i)
		switch {
		case i == len(body):
		case body[i] == '[':
			return "document type with declarations of its own"
		case body[i] == '"' || body[i] == '\'':
			n := bytes.IndexByte(body[i+1:], body[i])
			if n < 0 || bytes.IndexByte(body[i+1:i+1+n], '<') >= 0 {
				return "malformed document type"
			}
			i += n + 2
		default:
			end, _ := skipName(body, i)
			if end == i {
				return "malformed document type"
			}
			i = end
		}
	}
	return ""
}

// instruction passes over <? ... ?>, and looks at what the XML declaration says.
func (s *Scanner) instruction() error {
	n, err := s.find("?>", 2, "an instruction")
	if err != nil {
		return err
	}
	body := s.buf[s.pos+2 : s.pos+n]
	i, colon := skipName(body, 0)
	if i == 0 || i < len(body) && !isSpace(body[i]) {
		return s.fail("instruction without a target")
	}
	if colon < 0 {
		return s.fail(badColon)
	}
	if strings.EqualFold(string(body[:i]), "xml") {
		if s.started || string(body[:i]) != "xml" {
			return s.fail("XML declaration out of place")
		}
		if reason := declaration(string(body[i:])); reason != "" {
			return s.fail("%s", reason)
		}
	}
	return s.passOver("an instruction", 2, n, n+2)
}

// declaration looks at the attributes of <?xml ...?>.
func declaration(text string) (reason string) {
	for text = strings.TrimLeft(text, " \t\r\n"); text != ""; text = strings.TrimLeft(text, " \t\r\n") {
		name, rest, ok := strings.Cut(text, "=")
		rest = strings.TrimLeft(rest, " \t\r\n")
		if !ok || rest == "" || rest[0] != '"' && rest[0] != '\'' {
			return "malformed XML declaration"
		}
		value, after, ok := strings.Cut(rest[1:], rest[:1])
		if !ok {
			return "malformed XML declaration"
		}
		switch strings.TrimRight(name, " \t\r\n") {
		case "version":
			if value != "1.0" {
				return "XML version " + value + " instead of 1.0"
			}
		case "encoding":
			if !strings.EqualFold(value, "utf-8") {
				return "encoding " + value + " instead of UTF-8"
			}
		case "standalone":
		default:
			return "malformed XML declaration"
		}
		text = after
	}
	return ""
}
