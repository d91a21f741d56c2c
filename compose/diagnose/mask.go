package diagnose

import "regexp"

// secrets are what evidence must not show: credentials in URLs and headers,
// passwords and tokens by name, the session of a Koji call, password hashes,
// keys with a known shape. The first group of each is kept.
func secrets() []*regexp.Regexp {
	list := []string{
		`(\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@'"<>]+@`,
		`(?i)(\b(?:proxy-)?authorization['"]?\s*[:=]\s*['"]?)[^'"\r\n,}]+`,
		`(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9+/_.~=-]{8,}`,
		`(?i)(\b(?:set-)?cookie['"]?\s*:\s*['"]?)[^'"\r\n]+`,
		`(?i)(\b[\w-]*(?:passw(?:or)?d|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|session[_-]?key|session[_-]?id|signature|credential)(?:[_-]\w+)?['"]?\s*[=:]\s*['"]?)[^\s'"&;,)}\]]+`,
		`(?i)(\brootpw\s+(?:--\S+\s+)*)\S+`,
		`(?i)(--(?:password|passphrase|token|secret|proxy-password)[ =]['"]?)[^\s'"]+`,
		`()\$[0-9a-z]{1,2}\$[./A-Za-z0-9=,$-]{12,}`,
		`()\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)`,
		`(-----BEGIN [A-Z ]*PRIVATE KEY-----).*`,
	}
	out := make([]*regexp.Regexp, len(list))
	for i, re := range list {
		out[i] = regexp.MustCompile(re)
	}
	return out
}

// masked is what stands for a secret.
const masked = "***"

// mask hides the secrets of a text, but keeps what they are the value of.
func (c *Classifier) mask(s string) string {
	for i, re := range c.secrets {
		to := "${1}" + masked
		if i == 0 {
			to += "@"
		}
		s = re.ReplaceAllString(s, to)
	}
	return s
}
