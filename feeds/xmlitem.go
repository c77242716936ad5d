package feeds

import (
	"strings"
	"unicode/utf8"
)

// read reads one item. The quick reader takes what most feeds are made of; all
// else, and everything that is wrong, is encoding/xml's.
func (s *xmlSource) read(text string, sp span, r *record) {
	text = text[sp.start:sp.end]
	if sp.problem != "" {
		r.lost = true
		r.broke(s.k, sp.line, sp.problem)
		_ = s.slow(text, r, false) // whatever can be read, for the id
		return
	}
	t := traitsOf(text)
	if t&hasHigh != 0 && !utf8.ValidString(text) {
		r.notUTF8(s.k, sp.line, "")
		text = strings.ToValidUTF8(text, "\ufffd")
	}
	if t&hasControl == 0 && s.quick(text, r) {
		return
	}
	r.clear()
	if err := s.slow(text, r, true); err != nil {
		r.broke(s.k, err.line, "the item is not well-formed XML: "+err.what)
		r.clear()
		// Where no more than entities are wrong, the rest is checked all the same.
		r.lost = s.slow(text, r, false) != nil
	}
}

// broke says that an item cannot be read as it should.
func (r *record) broke(k *checker, line int, what string) {
	if issue, ok := k.tell("item.broken", line, "", "", what); ok {
		r.broken = append(r.broken, issue)
	}
}

func (r *record) notUTF8(k *checker, line int, attribute string) {
	if issue, ok := k.tell("file.encoding", line, attribute, "", "the text is not in the encoding the feed says it is in"); ok {
		r.broken = append(r.broken, issue)
	}
}

// clear takes back what was read of an item.
func (r *record) clear() {
	r.cells, r.first, r.groups = r.cells[:0], [numAttrs]uint16{}, 0
	r.once, r.novel = r.once[:0], r.novel[:0]
}

// quick reads an item of plain elements, and gives up, with false, where it
// meets anything it is not sure encoding/xml would read the same.
func (s *xmlSource) quick(text string, r *record) bool {
	if strings.Contains(text, "\xef\xbf") { // U+FFFE and U+FFFF are among these
		return false
	}
	it := itemReader{s: s, r: r}
	var names [16]string
	line, counted := r.line, 0
	for p := 0; p < len(text); {
		rest := text[p:]
		if rest[0] != '<' {
			end := strings.IndexByte(rest, '<')
			if end < 0 {
				return false
			}
			if it.wants() {
				v, ok := plainText(rest[:end])
				if !ok {
					return false
				}
				it.text(v)
			} else if strings.IndexByte(rest[:end], '&') >= 0 || strings.Contains(rest[:end], "]]>") {
				return false
			}
			p += end
			continue
		}
		switch {
		case len(rest) > 1 && rest[1] == '/':
			n := nameLength(rest[2:])
			if it.depth == 0 || names[it.depth-1] != rest[2:2+n] || 2+n >= len(rest) || rest[2+n] != '>' {
				return false
			}
			it.end()
			p += n + 3
		case strings.HasPrefix(rest, "<![CDATA["):
			end := strings.Index(rest, "]]>")
			if end < 0 || it.depth == 0 {
				return false
			}
			it.text(plainLines(rest[len("<![CDATA["):end]))
			p += end + 3
		case strings.HasPrefix(rest, "<!--"):
			end := strings.Index(rest[4:], "--")
			if end < 0 || !strings.HasPrefix(rest[4+end:], "-->") {
				return false
			}
			p += end + 7
		default:
			line, counted = line+strings.Count(text[counted:p], "\n"), p
			tag, ok := quickTag(rest)
			if !ok || it.depth == len(names) || it.depth == 0 && p > 0 {
				return false
			}
			names[it.depth] = tag.name
			it.start(tag.prefix, tag.local, line, tag.href, nil)
			if tag.empty {
				it.end()
			}
			p += tag.length
		}
	}
	return it.depth == 0
}

// quickElement is a start tag.
type quickElement struct {
	name, prefix, local string
	href                string // of an Atom link that is the page's
	length              int
	empty               bool
}

// quickTag reads a start tag; not ok is one it leaves to encoding/xml.
func quickTag(s string) (e quickElement, ok bool) {
	n := nameLength(s[1:])
	if n == 0 || 1+n >= len(s) {
		return e, false
	}
	e.name = s[1 : 1+n]
	e.local = e.name
	if i := strings.IndexByte(e.name, ':'); i >= 0 {
		e.prefix, e.local = e.name[:i], e.name[i+1:]
		if e.prefix == "" || e.local == "" || strings.IndexByte(e.local, ':') >= 0 {
			return e, false
		}
	}
	if s[1+n] == '>' {
		e.length = n + 2
		return e, true
	}
	var rel, href string
	for p := 1 + n; ; {
		q := p
		for p < len(s) && (s[p] == ' ' || s[p] == '\n' || s[p] == '\t' || s[p] == '\r') {
			p++
		}
		switch {
		case p >= len(s):
			return e, false
		case s[p] == '>':
			e.length = p + 1
		case strings.HasPrefix(s[p:], "/>"):
			e.length, e.empty = p+2, true
		}
		if e.length > 0 {
			if e.local == "link" && (rel == "" || rel == "alternate") {
				e.href = href
			}
			return e, true
		}
		m := nameLength(s[p:])
		name := s[p : p+m]
		p += m
		if m == 0 || q == p-m || strings.HasPrefix(name, "xmlns") || p+1 >= len(s) || s[p] != '=' || s[p+1] != '"' {
			return e, false
		}
		end := strings.IndexByte(s[p+2:], '"')
		if end < 0 {
			return e, false
		}
		value := s[p+2 : p+2+end]
		if strings.ContainsAny(value, "&<\r") || strings.Contains(value, "]]>") {
			return e, false
		}
		p += end + 3
		switch name {
		case "rel":
			rel = value
		case "href":
			href = value
		}
	}
}

// nameLength is how many bytes of an ASCII name s begins with.
func nameLength(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == ':':
		case i > 0 && (c >= '0' && c <= '9' || c == '-' || c == '.'):
		default:
			return i
		}
	}
	return len(s)
}

// plainText undoes the entities of XML; not ok is text with others.
func plainText(s string) (string, bool) {
	if strings.Contains(s, "]]>") {
		return "", false
	}
	s = plainLines(s)
	amp := strings.IndexByte(s, '&')
	if amp < 0 {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for amp >= 0 {
		out = append(out, s[:amp]...)
		s = s[amp+1:]
		end := strings.IndexByte(s[:min(len(s), 12)], ';')
		if end < 0 {
			return "", false
		}
		switch s[:end] {
		case "amp":
			out = append(out, '&')
		case "lt":
			out = append(out, '<')
		case "gt":
			out = append(out, '>')
		case "quot":
			out = append(out, '"')
		case "apos":
			out = append(out, '\'')
		default:
			r, ok := numbered(s[:end])
			if !ok {
				return "", false
			}
			out = utf8.AppendRune(out, r)
		}
		s = s[end+1:]
		amp = strings.IndexByte(s, '&')
	}
	return string(append(out, s...)), true
}

// numbered reads #39 and #x27; not ok are those that need a closer look.
func numbered(s string) (rune, bool) {
	if len(s) < 2 || s[0] != '#' {
		return 0, false
	}
	base, digits := rune(10), s[1:]
	if digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	var r rune
	for i := range len(digits) {
		d := rune(strings.IndexByte("0123456789abcdef", digits[i]|0x20))
		if digits[i] < '0' || d < 0 || d >= base || i > 5 {
			return 0, false
		}
		r = r*base + d
	}
	if digits == "" || r < ' ' || r >= 0xd800 {
		return 0, false
	}
	return r, true
}

// plainLines makes a line feed of every line end, as XML has it.
func plainLines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

// itemReader makes attributes of an item's elements: those directly inside it,
// and those one level below as sub-attributes. Deeper mark-up, and any inside a
// description, is text.
type itemReader struct {
	s        *xmlSource
	r        *record
	depth    int
	top, sub element
	value    pieces // of top
	subValue pieces
	kids     bool // top has sub-attributes, and so no value of its own
}

type element struct {
	id    attrID
	other string // the name of one that is not in the table
	line  int
}

// prose tells whether elements inside top are mark-up.
func (it *itemReader) prose() bool { return it.top.id == aDescription }

// wants tells whether text here belongs to anything.
func (it *itemReader) wants() bool { return it.depth >= 2 }

func (it *itemReader) start(prefix, local string, line int, href string, declared func(string) string) {
	it.depth++
	if prefix != "g" || it.s.spaces["g"] != googleNS {
		it.s.checkPrefix(it.r, prefix, local, line, declared)
	}
	switch {
	case it.depth == 2:
		name := it.s.attribute(prefix, local)
		it.top = element{id: attributeIDs[name], line: line}
		if it.top.id == aOther {
			it.top.other = name
			if prefix == "g" && len(it.r.novel) < 20 {
				it.r.novel = append(it.r.novel, novel{name, line})
			}
		}
		it.kids = false
		it.value = pieces{one: href}
	case it.depth == 3 && !it.prose():
		it.sub = element{id: subIDs[subKey{it.top.id, local}], line: line}
		if it.sub.id == aOther || it.top.id == aOther {
			it.sub.id = aOther
			it.sub.other = it.topName() + "." + local
		}
		if !it.kids {
			it.kids = true
			it.r.groups++
		}
		it.subValue = pieces{}
	}
}

func (it *itemReader) topName() string {
	if it.top.id == aOther {
		return it.top.other
	}
	return nameOf(it.top.id)
}

func (it *itemReader) end() {
	switch {
	case it.depth == 3 && !it.prose():
		it.r.add(it.sub.id, it.sub.other, it.subValue.join(), it.sub.line, it.r.groups)
	case it.depth == 2 && !it.kids:
		it.r.add(it.top.id, it.top.other, it.value.join(), it.top.line, 0)
	}
	it.depth--
}

func (it *itemReader) text(t string) {
	switch {
	case it.depth == 2 && !it.kids, it.depth > 2 && it.prose():
		it.value.add(t)
	case it.depth > 2:
		it.subValue.add(t)
	}
}

// pieces is text that mostly comes in one piece.
type pieces struct {
	one  string
	many []byte
}

func (p *pieces) add(s string) {
	switch {
	case p.many != nil:
		p.many = append(p.many, s...)
	case p.one == "":
		p.one = s
	default:
		p.many = append([]byte(p.one), s...)
	}
}

func (p *pieces) join() string {
	if p.many != nil {
		return string(p.many)
	}
	return p.one
}

// attribute gives the attribute an element stands for. Those of RSS and Atom
// themselves have no prefix; the id of an Atom entry is not the product's where
// there is a g:id.
func (s *xmlSource) attribute(prefix, local string) string {
	if prefix != "" {
		return local
	}
	switch {
	case local == "summary", local == "content":
		return "description"
	case local == "id" && s.itemName == "entry":
		return "atom:id"
	}
	return local
}
