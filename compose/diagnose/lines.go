package diagnose

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// Bounds of one line. What lies between head and tail of a longer one is not
// looked at.
const (
	headBytes = 16 << 10
	tailBytes = 4 << 10
)

// lineReader gives the lines of a log, numbered from 1, in bounded memory.
type lineReader struct {
	in   *bufio.Reader
	left int64 // bytes that may still be read
	num  int
	long []byte // a long line's head and tail
}

func newLineReader(r io.Reader, limit int64) *lineReader {
	return &lineReader{in: bufio.NewReaderSize(r, 64<<10), left: limit}
}

// errTooLong says that a log has more bytes than are read of it.
var errTooLong = errors.New("log is longer than is read")

// next returns a line without its end, valid until the next call. A last line
// without an end counts. The error is io.EOF, errTooLong or the reader's.
func (l *lineReader) next() ([]byte, error) {
	if l.left <= 0 {
		return nil, errTooLong
	}
	line, err := l.in.ReadSlice('\n')
	l.left -= int64(len(line))
	if errors.Is(err, bufio.ErrBufferFull) {
		line, err = l.rest(line), nil
	}
	if len(line) == 0 && err != nil {
		return nil, err
	}
	l.num++
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), nil
}

// rest reads on to the end of a long line and keeps its head and its tail. An
// error comes again with the next line.
func (l *lineReader) rest(part []byte) []byte {
	l.long = append(l.long[:0], part[:headBytes]...)
	var tail []byte
	for {
		tail = append(tail, part[max(0, len(part)-tailBytes):]...)
		tail = tail[max(0, len(tail)-tailBytes):]
		if l.left <= 0 {
			break
		}
		var err error
		part, err = l.in.ReadSlice('\n')
		l.left -= int64(len(part))
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		tail = append(tail, part...)
		break
	}
	l.long = append(l.long, ' ')
	l.long = append(l.long, tail[max(0, len(tail)-tailBytes):]...)
	return l.long
}

// cutWritten takes the first line from a text of several that was written out on
// one: by Python's repr and JSON (\n, \r\n), by a system log (#012).
func cutWritten(text []byte) (first, rest []byte) {
	if at := bytes.IndexByte(text, '\\'); at >= 0 {
		if at = bytes.Index(text, []byte(`\n`)); at >= 0 {
			return bytes.TrimSuffix(text[:at], []byte(`\r`)), text[at+2:]
		}
	}
	if at := bytes.IndexByte(text, '#'); at >= 0 {
		if at = bytes.Index(text, []byte("#012")); at >= 0 {
			return text[:at], text[at+4:]
		}
	}
	if at := bytes.Index(text, listed); at >= 0 {
		return text[:at+1], text[at+len(listed)-1:]
	}
	return text, nil
}

// listed stands between two lines of a list of JSON.
var listed = []byte(`", "`)

// cleaner takes from lines what terminals act on. Its zero value works.
type cleaner struct{ buf []byte }

// clean drops escape sequences and the NULs that a crash leaves at the ends.
func (c *cleaner) clean(line []byte) []byte {
	line = bytes.Trim(line, "\x00")
	if bytes.IndexByte(line, 0x1b) < 0 {
		return line
	}
	c.buf = c.buf[:0]
	for len(line) > 0 {
		at := bytes.IndexByte(line, 0x1b)
		if at < 0 {
			return append(c.buf, line...)
		}
		c.buf = append(c.buf, line[:at]...)
		line = line[at+escapeLen(line[at:]):]
	}
	return c.buf
}

// escapeLen is the length of the sequence at the start of b (ECMA-48: CSI to
// its final byte, OSC to BEL or ST, else two bytes).
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return len(b)
	}
	switch b[1] {
	case '[':
		for i := 2; i < len(b); i++ {
			if b[i] >= 0x40 && b[i] <= 0x7e {
				return i + 1
			}
		}
		return len(b)
	case ']':
		for i := 2; i < len(b); i++ {
			if b[i] == 0x07 {
				return i + 1
			}
			if b[i] == 0x1b {
				return i
			}
		}
		return len(b)
	case '(', ')', '#':
		return min(3, len(b))
	}
	return 2
}

// binary says that a line is no text: a program or an archive got into the log.
func binary(line []byte) bool {
	odd := 0
	for _, c := range line {
		if c < 0x20 && c != '\t' && c != '\r' && c != '\b' {
			odd++
		}
	}
	return odd > 2 && odd*20 > len(line)
}

// noise are lines that name a failure without being one. Sources: dnf and rpm
// (scriptlets that change nothing), pylorax monitor.py (IGNORED), shell traces, the commands that lorax, mock and kiwi say
// they are about to run, fields and lists of package descriptions.
const noise = `^\s*\++ ` + // set -x
	`|\b(?:xorriso|libisofs|libburn|libisoburn) ?: (?:DEBUG|UPDATE|NOTE|HINT|WARNING) :` +
	`|^(?:[^(]|\([^'"])*\(?\b(Non-fatal|Non-critical)\b` + // not in an exception: there it was fatal
	`|\bIGNORED\b|\bignored\)|\bignoring error\b|\(non-fatal\)|, ignoring\.?$` +
	`|\bRunning\.\.\. |\bEXEC: \[|Executing command: |\bDEBUG .*Child return code was: ` +
	`|^\s*(Summary|Description|URL|License|Changelog|Provides|Requires)\s*:` +
	`|^\s*: ` + // the further lines of a field of dnf info
	`|\bpermissive=1\b` +
	`|: 2 - Already downloaded$` + // pylorax's dnfhelper of dnf 4 calls a package in the cache a failed download
	`|\bwithout (?:any )?errors?\b|\b(?:0|no) errors?\b` +
	`|(?:^|\s)(?:find|du|ls|grep|stat|df): .*Permission denied\s*$` +
	`|included for syslog logging` + // dracut calls that an error, and goes on
	`|^\s*(?:(?:echo|if|grep|#|raise) |File ")` + // the last two of Python's tracebacks
	`|^\* (Mon|Tue|Wed|Thu|Fri|Sat|Sun) \w{3} +\d` // an entry of a changelog

// noiseWords are in all lines that noise matches, but for those that begin with
// a sign; noise is tried on no others.
const noiseWords = "non-fatal|non-critical|ignored|ignoring|running...|exec: [|executing command:|child return code was" +
	"|summary|description|url|license|changelog|provides|requires|permissive=1|syslog logging|permission denied|echo |if |grep |raise |file |without | error" +
	"|already downloaded|debug :|update :|note :|hint :|warning :"

// start is the first character of a line besides white space, and whether a
// space follows it.
func start(line []byte) (first byte, space bool) {
	line = bytes.TrimLeft(line, " \t")
	if len(line) == 0 {
		return 0, false
	}
	return line[0], len(line) > 1 && line[1] == ' '
}

// item says whether a line is one of a list: of a changelog or update notes,
// mostly. The solver and the downloader write lists too; their rules say so.
func item(line []byte) bool {
	first, space := start(line)
	return space && (first == '-' || first == '*') || bytes.HasPrefix(bytes.TrimLeft(line, " \t"), []byte("• "))
}

// tried says whether a line tells why a downloader takes another mirror (librepo,
// pylorax dnfhelper.py), which is no failure yet.
func tried(line []byte) bool {
	return bytes.Contains(line, []byte("[MIRROR]")) || bytes.Contains(line, []byte("Mirror failure on")) || bytes.Contains(line, []byte("Error during transfer"))
}

// ignored says whether a line is noise; words, whether it holds one of noiseWords.
func (c *Classifier) ignored(line []byte, words bool) bool {
	if first, _ := start(line); !words && first != '+' && first != ':' && first != '*' && first != '#' {
		return false
	}
	return c.noise.Match(line)
}

// meaningful says whether a line has words at all.
func meaningful(line []byte) bool {
	letters := 0
	for _, c := range line {
		if c|0x20 >= 'a' && c|0x20 <= 'z' {
			if letters++; letters >= 4 {
				return true
			}
		}
	}
	return false
}

// printable makes of a line what can be shown: valid text, no control
// characters, at most maxText bytes.
func printable(line []byte) string {
	s := strings.ToValidUTF8(string(line[:min(len(line), 4*maxText)]), "?")
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

// maxText bounds a line of evidence and a sentence, in bytes.
const maxText = 500

// clip shortens text to n bytes at a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return strings.TrimSpace(s[:n]) + " ..."
}

// clipMiddle keeps both ends: what failed stands at the one, why at the other.
func clipMiddle(s string, n int) string {
	if len(s) <= n {
		return s
	}
	tail := s[len(s)-n/2:]
	for tail != "" && tail[0]&0xc0 == 0x80 {
		tail = tail[1:]
	}
	return clip(s, n/2) + " " + strings.TrimSpace(tail)
}
