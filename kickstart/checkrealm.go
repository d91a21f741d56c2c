package kickstart

import "strings"

// realm checks "realm join [options] NAME". The reference implementation reads
// the line anew: it cuts as many characters as the name has, wherever the name
// stands, and knows no comments.
func (c *checker) realm(n *Command) {
	if c.known["realm"] {
		c.fail(n.pos, CodeDuplicate, "The realm command 'join' should only be specified once")
		return
	}
	rest := []rune(n.raw)
	rest = rest[min(len(rest), len([]rune(n.Name))):]
	words, err := split(trim(string(rest)), false)
	switch {
	case err != nil:
		c.diags = append(c.diags, *lexProblem(n.pos, err))
		return
	case len(words) == 0:
		c.fail(n.pos, CodeMissingOption, "Missing realm command arguments")
		return
	case words[0].Text != "join":
		c.fail(n.pos, CodeBadValue, "Unsupported realm '%s' command", words[0].Text)
		return
	}
	remaining, problem := realmOptions(wordTexts(words[1:]))
	switch {
	case problem != "":
		c.fail(n.pos, CodeUnknownOption, "Invalid realm arguments: %s", problem)
	case len(remaining) != 1:
		c.fail(n.pos, CodeMissingOption, "Specify only one realm to join")
	default:
		c.known["realm"] = remaining[0] != ""
	}
}

// realmOptions reads words as Python's getopt does: options may be shortened
// and end at the first word that is none.
func realmOptions(args []string) (remaining []string, problem string) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		if !strings.HasPrefix(word, "--") {
			return nil, "option -" + word[1:2] + " not recognized"
		}
		name, _, inline := strings.Cut(word[2:], "=")
		takesValue, problem := realmOption(name)
		switch {
		case problem != "":
			return nil, "option --" + name + " " + problem
		case !takesValue && inline:
			return nil, "option --" + name + " must not have an argument"
		case takesValue && !inline && len(args) == 0:
			return nil, "option --" + name + " requires argument"
		case takesValue && !inline:
			args = args[1:]
		}
	}
	return args, ""
}

// realmOption finds the option that name abbreviates.
func realmOption(name string) (takesValue bool, problem string) {
	found := ""
	for _, o := range []string{"client-software", "server-software", "membership-software", "one-time-password", "no-password", "computer-ou"} {
		switch {
		case !strings.HasPrefix(o, name):
		case o == name:
			return o != "no-password", ""
		case found != "":
			return false, "not a unique prefix"
		default:
			found = o
		}
	}
	if found == "" {
		return false, "not recognized"
	}
	return found != "no-password", ""
}
