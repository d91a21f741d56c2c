package cli

import (
	"strings"
	"unicode/utf8"
)

// table prints rows in columns as wide as their widest cell. Cells are text of
// others and are cleaned; colors are put on after the widths are known.
type table struct {
	head  []string
	rows  [][]string
	color func(row, col int, text string) string // optional
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (a *app) printTable(t *table) {
	widths := make([]int, len(t.head))
	measure := func(cells []string) {
		for i, c := range cells {
			cells[i] = strings.ReplaceAll(clean(c), "\n", " ")
			widths[i] = max(widths[i], utf8.RuneCountInString(cells[i]))
		}
	}
	measure(t.head)
	for _, r := range t.rows {
		measure(r)
	}
	line := func(cells []string, dress func(col int, text string) string) {
		var b strings.Builder
		for i, c := range cells {
			b.WriteString(dress(i, c))
			if i < len(cells)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c)+2))
			}
		}
		a.printf("%s\n", strings.TrimRight(b.String(), " "))
	}
	line(t.head, func(_ int, text string) string { return paint(a.outColor, colorBold, text) })
	for n, r := range t.rows {
		line(r, func(col int, text string) string {
			if t.color == nil || !a.outColor {
				return text
			}
			return t.color(n, col, text)
		})
	}
}

// pairs prints "name  value" lines; entries with an empty value are left out.
func (a *app) pairs(kv ...string) {
	width := 0
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] != "" {
			width = max(width, len(kv[i]))
		}
	}
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] != "" {
			a.printf("%-*s  %s\n", width, kv[i], strings.ReplaceAll(clean(kv[i+1]), "\n", "\n"+strings.Repeat(" ", width+2)))
		}
	}
}
