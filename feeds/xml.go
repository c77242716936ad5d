package feeds

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// googleNS is the namespace of Google's attributes.
const googleNS = "http://base.google.com/ns/1.0"

// maxItem is the longest item that is read.
const maxItem = 4 << 20

// xmlSource cuts RSS and Atom into items and reads each by itself, so that a
// broken one spoils no other.
type xmlSource struct {
	cut     cutter
	plat    string
	pending []Issue
	spaces  map[string]string // prefixes the root element declares
	warned  map[string]bool   // prefixes that were reported
	done    bool
}

func newXMLSource(br *bufio.Reader, platform string, issue *Issue) *xmlSource {
	s := &xmlSource{cut: cutter{br: br, line: 1}, plat: platform, warned: map[string]bool{}}
	if issue != nil {
		s.pending = append(s.pending, *issue)
	}
	return s
}

func (s *xmlSource) issues() []Issue {
	out := s.pending
	s.pending = nil
	return out
}

func (s *xmlSource) next() (*rawItem, error) {
	if s.done {
		return nil, io.EOF
	}
	chunk, err := s.cut.next()
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		s.done = true
		if errors.Is(err, io.ErrUnexpectedEOF) || !s.cut.closed {
			s.pending = append(s.pending, truncated(s.cut.line, s.plat))
		}
		return nil, io.EOF
	}
	if err != nil {
		return nil, err
	}
	if s.spaces == nil {
		s.spaces = namespaces(s.cut.root)
	}
	if chunk.problem != "" {
		return lost(chunk.line, "item.broken", s.plat, chunk.problem, "close every element of the item, and the item itself"), nil
	}
	return s.read(chunk), nil
}

// read reads one item. Where it is not well-formed it says so; where no more
// than entities are wrong, the rest is checked all the same.
func (s *xmlSource) read(c chunk) *rawItem {
	it := &rawItem{line: c.line}
	text := c.text
	if !utf8.Valid(text) {
		it.broken = append(it.broken, notUTF8(c.line, "", s.plat))
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	attrs, line, err := s.attributes(text, c.line, true)
	if err != nil {
		it.broken = append(it.broken, Issue{Line: line, Rule: "item.broken", Severity: Error, Platform: s.plat,
			Message: "the item is not well-formed XML: " + plainSyntax(err), Fix: "write & as &amp; and < as &lt;, use no HTML entities, and close every element"})
		if attrs, _, err = s.attributes(text, c.line, false); err != nil {
			it.lost = true
		}
	}
	it.attrs = attrs
	return it
}

func plainSyntax(err error) string {
	var se *xml.SyntaxError
	if errors.As(err, &se) {
		return se.Msg
	}
	return err.Error()
}

// attributes reads the elements of an item. On error it says on which line of
// the feed.
func (s *xmlSource) attributes(text []byte, first int, strict bool) ([]attr, int, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	d.Strict = strict
	r := itemReader{}
	for {
		at, _ := d.InputPos()
		tok, err := d.RawToken()
		now, _ := d.InputPos()
		if err == io.EOF && len(r.open) == 0 {
			return r.attrs, 0, nil
		}
		if err == io.EOF {
			err = &xml.SyntaxError{Msg: "an element is not closed"}
		}
		if err != nil {
			return r.attrs, first + now - 1, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			s.checkPrefix(t, first+at-1)
			r.start(t, first+at-1)
		case xml.EndElement:
			if n := len(r.open); n == 0 || r.open[n-1] != t.Name {
				return r.attrs, first + now - 1, &xml.SyntaxError{Msg: "</" + t.Name.Local + "> closes an element that is not open"}
			}
			r.end()
		case xml.CharData:
			r.text(t)
		}
	}
}

// itemReader makes attributes of an item's elements: those directly inside it,
// and those one level below as sub-attributes. Deeper mark-up is text.
type itemReader struct {
	attrs    []attr
	open     []xml.Name
	top, sub attr
	value    strings.Builder // of top
	subValue strings.Builder
	kids     bool // top has sub-attributes, and so no value of its own
}

// prose tells whether elements inside top are mark-up.
func (r *itemReader) prose() bool { return r.top.name == "description" }

func (r *itemReader) start(t xml.StartElement, line int) {
	r.open = append(r.open, t.Name)
	switch {
	case len(r.open) == 2:
		r.top = attr{name: rssName(t.Name), line: line}
		r.kids = false
		r.value.Reset()
		rel := attribute(t, "rel")
		if href := attribute(t, "href"); href != "" && t.Name.Local == "link" && (rel == "" || rel == "alternate") {
			r.value.WriteString(href)
		}
	case len(r.open) == 3 && !r.prose():
		r.sub = attr{name: r.top.name + "." + t.Name.Local, line: line}
		r.kids = true
		r.subValue.Reset()
	}
}

func (r *itemReader) end() {
	switch {
	case len(r.open) == 3 && !r.prose():
		r.sub.value = strings.TrimSpace(r.subValue.String())
		r.attrs = append(r.attrs, r.sub)
	case len(r.open) == 2 && !r.kids:
		r.top.value = strings.TrimSpace(r.value.String())
		r.attrs = append(r.attrs, r.top)
	}
	if n := len(r.open); n > 0 {
		r.open = r.open[:n-1]
	}
}

func (r *itemReader) text(t xml.CharData) {
	switch n := len(r.open); {
	case n == 2 && !r.kids, n > 2 && r.prose():
		r.value.Write(t)
	case n > 2:
		r.subValue.Write(t)
	}
}

// rssName gives the attribute an element of RSS or Atom itself stands for. The
// id of an Atom entry is not the product's where there is a g:id, which comes
// by its plain name.
func rssName(n xml.Name) string {
	if n.Space != "" {
		return n.Local
	}
	switch n.Local {
	case "summary", "content":
		return "description"
	case "id":
		return "atom:id"
	}
	return n.Local
}

func attribute(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// checkPrefix reports, once each, prefixes that nothing declares, and a g that
// is not Google's.
func (s *xmlSource) checkPrefix(t xml.StartElement, line int) {
	p := t.Name.Space
	if p == "" || p == "xml" || s.warned[p] {
		return
	}
	uri, ok := s.spaces[p]
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" && a.Name.Local == p {
			uri, ok = a.Value, true
		}
	}
	if ok && (p != "g" || uri == googleNS) {
		return
	}
	what := fmt.Sprintf("the prefix %s: is used and not declared", p)
	if ok {
		what = fmt.Sprintf("the prefix g: is bound to %q, not to Google's namespace", uri)
	}
	s.warned[p] = true
	s.pending = append(s.pending, Issue{Line: line, Attribute: p + ":" + t.Name.Local, Rule: "file.namespace", Severity: Error, Platform: s.plat, Value: p,
		Message: what, Fix: fmt.Sprintf(`write xmlns:g="%s" in the root element`, googleNS)})
}

// namespaces reads the xmlns attributes of what stands before the first item.
func namespaces(head []byte) map[string]string {
	out := map[string]string{}
	d := xml.NewDecoder(bytes.NewReader(head))
	d.Strict = false
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		tok, err := d.RawToken()
		if err != nil {
			return out
		}
		if t, ok := tok.(xml.StartElement); ok {
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" {
					out[a.Name.Local] = a.Value
				}
			}
		}
	}
}

// chunk is the text of one item, from its start tag to its end tag.
type chunk struct {
	text    []byte
	line    int
	problem string // why there is no text
}

// cutter cuts a feed at <item> and <entry>. It looks at nothing else but
// comments and CDATA, inside which tags do not count, so that it goes on behind
// any item however broken.
type cutter struct {
	br       *bufio.Reader
	line     int    // of what is read next
	root     []byte // what stands before the first item
	rootName string
	closed   bool // the root element's end tag was read

	in     bool // inside an item
	item   []byte
	begun  int
	isLong bool
}

// next returns the next item; io.EOF at the end.
func (c *cutter) next() (chunk, error) {
	for {
		if err := c.text(); err != nil {
			if c.in && (err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)) {
				c.in, c.closed = false, false
				return chunk{line: c.begun, problem: "the feed ends inside this item"}, nil
			}
			return chunk{}, err
		}
		// A '<' was read; see what it begins.
		head, _ := c.br.Peek(9) // its errors come again on reading
		switch {
		case bytes.HasPrefix(head, []byte("!--")):
			if err := c.until("-->"); err != nil {
				return chunk{}, err
			}
			continue
		case bytes.HasPrefix(head, []byte("![CDATA[")):
			if err := c.until("]]>"); err != nil {
				return chunk{}, err
			}
			continue
		}
		name, end, empty := c.tag()
		if name == "" {
			continue
		}
		if c.rootName == "" && !end {
			c.rootName = name
		}
		c.closed = end && name == c.rootName
		if name != "item" && name != "entry" {
			continue
		}
		switch {
		case empty && !c.in:
			return chunk{text: []byte("<item></item>"), line: c.line}, nil
		case empty: // an item inside an item is none
		case !end && c.in: // the one before was never closed
			unfinished := chunk{line: c.begun, problem: "the item is not closed before the next begins"}
			c.begin()
			return unfinished, nil
		case !end:
			c.begin()
		case c.in:
			return c.finish()
		}
	}
}

func (c *cutter) begin() {
	c.in, c.isLong, c.begun = true, false, c.line
	c.item = append(c.item[:0], '<')
}

// finish reads the rest of the end tag.
func (c *cutter) finish() (chunk, error) {
	c.in = false
	rest, err := c.br.ReadSlice('>')
	if err != nil {
		return chunk{line: c.begun, problem: "the item's end tag is not closed"}, nil
	}
	c.keep(rest)
	if c.isLong {
		return chunk{line: c.begun, problem: "the item is longer than 4 MiB"}, nil
	}
	return chunk{text: append(c.item, rest...), line: c.begun}, nil
}

// text reads up to and including the next '<'.
func (c *cutter) text() error {
	for {
		part, err := c.br.ReadSlice('<')
		c.store(part)
		if err != bufio.ErrBufferFull {
			return err
		}
	}
}

// until reads up to and including a mark.
func (c *cutter) until(mark string) error {
	var tail []byte // the last bytes read, across reads
	for {
		part, err := c.br.ReadSlice(mark[len(mark)-1])
		c.store(part)
		tail = append(tail, part[max(0, len(part)-len(mark)):]...)
		if bytes.HasSuffix(tail, []byte(mark)) {
			return nil
		}
		tail = append(tail[:0], tail[max(0, len(tail)-len(mark)):]...)
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
	}
}

// store keeps what belongs to the item or to the head of the feed.
func (c *cutter) store(part []byte) {
	c.keep(part)
	switch {
	case c.in && len(c.item)+len(part) > maxItem:
		c.isLong = true
	case c.in:
		c.item = append(c.item, part...)
	case len(c.root) < headSize && c.begun == 0:
		c.root = append(c.root, part...)
	}
}

func (c *cutter) keep(part []byte) { c.line += bytes.Count(part, []byte("\n")) }

// tag looks at the name that follows a '<', without its prefix.
func (c *cutter) tag() (name string, end, empty bool) {
	head, _ := c.br.Peek(64)
	if len(head) > 0 && head[0] == '/' {
		end, head = true, head[1:]
	}
	n := bytes.IndexAny(head, " \t\r\n/><")
	if n < 0 {
		n = len(head)
	}
	if n == 0 || head[0] == '!' || head[0] == '?' {
		return "", false, false
	}
	empty = !end && bytes.HasPrefix(bytes.TrimLeft(head[n:], " \t\r\n"), []byte("/>"))
	name = string(head[:n])
	if i := strings.IndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	return name, end, empty
}
