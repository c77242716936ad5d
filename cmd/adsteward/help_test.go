package main

import (
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestEveryHelpHasAnExample asks every command, groups included, for its help.
func TestEveryHelpHasAnExample(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	var ask func(n *kong.Node, path []string)
	ask = func(n *kong.Node, path []string) {
		for _, c := range n.Children {
			if c.Type != kong.CommandNode {
				continue
			}
			words := append(path[:len(path):len(path)], c.Name)
			out, errs, code := adsteward(t, append(words, "--help")...)
			if code != 0 || errs != "" || !strings.Contains(out, "Example: adsteward "+words[0]) && !strings.Contains(out, "Example for cron") {
				t.Errorf("adsteward %s --help: code %d, no example in\n%s%s", strings.Join(words, " "), code, out, errs)
			}
			ask(c, words)
		}
	}
	ask(parser.Model.Node, nil)
}
