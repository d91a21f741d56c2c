package kickstart

import (
	"errors"
	"strings"
)

// Word is one argument of a line, with its quotes taken away.
type Word struct {
	Text string
	Col  int // where it starts in the line, from 1, in bytes
}

// lexError is an unterminated quote or escape.
type lexError struct {
	col int
	msg string
}

func (e *lexError) Error() string { return e.msg }

// split cuts a line into words as Python's shlex.split does in POSIX mode,
// which is how pykickstart and anaconda read it: blanks separate, quotes and
// backslashes protect, and with comments a '#' outside quotes ends the line
// even in the middle of a word.
func split(line string, comments bool) ([]Word, error) {
	words := make([]Word, 0, maxWords(line))
	i := 0
	for i < len(line) {
		switch {
		case isBlank(line[i]):
			i++
			continue
		case comments && line[i] == '#':
			return words, nil
		}
		text, next, err := lexWord(line, i, comments)
		if err != nil {
			return nil, err
		}
		words = append(words, Word{Text: text, Col: i + 1})
		i = next
	}
	return words, nil
}

// maxWords is how many words a line has at most.
func maxWords(line string) int {
	n := 0
	for i := range len(line) {
		if !isBlank(line[i]) && (i == 0 || isBlank(line[i-1])) {
			n++
		}
	}
	return n
}

// lexWord reads the word that starts at i and returns where it ends. A word
// without quotes is a part of the line and costs no memory of its own.
func lexWord(line string, i int, comments bool) (string, int, error) {
	start := i
	for i < len(line) && !isBlank(line[i]) && line[i] != '\'' && line[i] != '"' && line[i] != '\\' && (line[i] != '#' || !comments) {
		i++
	}
	if i == len(line) || line[i] != '\'' && line[i] != '"' && line[i] != '\\' {
		return line[start:i], i, nil
	}
	var b strings.Builder
	b.WriteString(line[start:i])
	for i < len(line) {
		c := line[i]
		switch {
		case isBlank(c), comments && c == '#':
			return b.String(), i, nil
		case c == '\'' || c == '"':
			next, err := lexQuoted(&b, line, i)
			if err != nil {
				return "", 0, err
			}
			i = next
		case c == '\\':
			if i+1 == len(line) {
				return "", 0, &lexError{i + 1, "No escaped character"}
			}
			b.WriteByte(line[i+1])
			i += 2
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), i, nil
}

// lexQuoted reads the quoted part that starts at i and returns where it ends.
func lexQuoted(b *strings.Builder, line string, i int) (int, error) {
	quote := line[i]
	for j := i + 1; j < len(line); j++ {
		switch c := line[j]; {
		case c == quote:
			return j + 1, nil
		case c == '\\' && quote == '"':
			j++
			if j == len(line) {
				return 0, &lexError{i + 1, "No escaped character"}
			}
			if line[j] != '"' && line[j] != '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(line[j])
		default:
			b.WriteByte(c)
		}
	}
	return 0, &lexError{i + 1, "No closing quotation"}
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// Quote writes s so that the lexer of a kickstart reads back exactly s. It
// refuses, with a *ValueError, what no quoting can carry: control characters
// and everything that ends a line.
func Quote(s string) (string, error) {
	if err := checkText("argument", s); err != nil {
		return "", err
	}
	return quote(s), nil
}

// quote is Quote for text that was checked already.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, unsafeRune) < 0 {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// unsafeRune tells what makes a word need quotes.
func unsafeRune(r rune) bool {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return false
	}
	return !strings.ContainsRune("@%+=:,./_-$&?~^*!;()[]{}|<>", r)
}

// quoteOption writes "--name=value".
func quoteOption(name, value string) string { return name + "=" + quote(value) }

// lexErrorPosition gives the column of a lexer error.
func lexErrorPosition(pos Position, err error) (Position, string) {
	if le, ok := errors.AsType[*lexError](err); ok {
		pos.Col = le.col
		return pos, le.msg
	}
	return pos, err.Error()
}
