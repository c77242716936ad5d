package feeds

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// syntax is what is wrong with an item's XML, and on which line of the feed.
type syntax struct {
	what string
	line int
}

// slow reads an item with encoding/xml. Not strictly, it takes unknown
// entities, a bare & and the like for text.
func (s *xmlSource) slow(text string, r *record, strict bool) *syntax {
	d := lenientDecoder(text)
	d.Strict = strict
	it := itemReader{s: s, r: r}
	var open []xml.Name
	for {
		at, _ := d.InputPos()
		tok, err := d.RawToken()
		now, _ := d.InputPos()
		at, now = r.line+at-1, r.line+now-1
		if err == io.EOF && len(open) == 0 {
			return nil
		}
		if err != nil {
			return &syntax{plainSyntax(err), now}
		}
		switch t := tok.(type) {
		case xml.StartElement:
			open = append(open, t.Name)
			href := ""
			if rel := attributeOf(t, "rel"); t.Name.Local == "link" && (rel == "" || rel == "alternate") {
				href = attributeOf(t, "href")
			}
			it.start(t.Name.Space, t.Name.Local, at, href, func(prefix string) string {
				for _, a := range t.Attr {
					if a.Name.Space == "xmlns" && a.Name.Local == prefix {
						return a.Value
					}
				}
				return ""
			})
		case xml.EndElement:
			n := len(open)
			if n == 0 || open[n-1] != t.Name {
				return &syntax{"</" + clip(t.Name.Local) + "> closes an element that is not open", now}
			}
			open = open[:n-1]
			it.end()
		case xml.CharData:
			it.text(string(t))
		}
	}
}

func lenientDecoder(text string) *xml.Decoder {
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	return d
}

func plainSyntax(err error) string {
	var se *xml.SyntaxError
	switch {
	case errors.Is(err, io.EOF):
		return "an element is not closed"
	case errors.As(err, &se):
		return clip(se.Msg)
	}
	return clip(err.Error())
}

func attributesOf(tok xml.Token) []xml.Attr {
	t, _ := tok.(xml.StartElement)
	return t.Attr
}

func attributeOf(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}
