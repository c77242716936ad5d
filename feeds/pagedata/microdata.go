package pagedata

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// microdata returns a page's items that are no property of another, in the form
// JSON-LD has them.
func microdata(root *html.Node) []map[string]any {
	var top []map[string]any
	var walk func(n *html.Node, scope map[string]any)
	walk = func(n *html.Node, scope map[string]any) { // as deep as html.Parse lets markup be, 512
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			if c.Type != html.ElementNode {
				continue
			}
			within := scope
			var value any
			if has(c, "itemscope") {
				within = map[string]any{"@type": typesOf(attr(c, "itemtype"))}
				value = within
			}
			names := strings.Fields(attr(c, "itemprop"))
			switch {
			case len(names) > 0 && scope != nil:
				if value == nil {
					value = valueOf(c)
				}
				for _, name := range names {
					list, _ := scope[lastPart(name)].([]any)
					scope[lastPart(name)] = append(list, value)
				}
			case value != nil:
				top = append(top, within)
			}
			walk(c, within)
		}
	}
	walk(root, nil)
	return top
}

func typesOf(s string) (out []any) {
	for _, t := range strings.Fields(s) {
		out = append(out, t)
	}
	return out
}

// valueOf is a property's value by its element, as the HTML standard has it; a
// content attribute, which shops put on any element, goes first.
func valueOf(n *html.Node) string {
	if has(n, "content") {
		return attr(n, "content")
	}
	switch n.DataAtom {
	case atom.A, atom.Area, atom.Link:
		return attr(n, "href")
	case atom.Img, atom.Audio, atom.Embed, atom.Iframe, atom.Source, atom.Track, atom.Video:
		return attr(n, "src")
	case atom.Object:
		return attr(n, "data")
	case atom.Data, atom.Meter:
		return attr(n, "value")
	case atom.Time:
		if has(n, "datetime") {
			return attr(n, "datetime")
		}
	}
	return strings.Join(strings.Fields(text(n)), " ")
}
