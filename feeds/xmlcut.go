package feeds

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// xmlSource cuts RSS and Atom into items, and reads each by itself, so that a
// broken one spoils no other. Outside items it looks at little: comments, CDATA
// and processing instructions, inside which tags do not count.
type xmlSource struct {
	r     io.Reader
	k     *checker
	buf   []byte // of the block that is being filled
	left  []byte // what the block before left over
	end   error  // of r
	short bool   // what is left of buf holds no whole item

	at       int // where in buf the search for tags goes on
	start    int // of the item in buf, where inside is true
	inside   bool
	tooLong  bool   // the item is, and what was read of it is gone
	closes   string // what ends the comment, CDATA or instruction that at lies in
	opened   int    // where in buf that begins; -1 where it is gone
	line     int    // at lineAt in buf
	lineAt   int
	begun    int    // line on which the item begins
	itemName string // item or entry, whichever comes first
	rootName string
	closed   bool // the root element's end tag was read
	guessed  bool // something that did not end was taken for text, by what came after it

	head   []byte // what stands before the first item, at most headSize of it
	found  bool   // an item was found
	spaces map[string]string
	space  uint64 // see around
	long   longLine
	file   []Issue
}

func newXMLSource(br *bufio.Reader, head []byte, k *checker, issues []Issue) *xmlSource {
	s := &xmlSource{r: br, k: k, line: 1, file: issues}
	if !bytes.HasPrefix(head, []byte("<?xml")) {
		s.tell("file.declaration", 1, "the file does not begin with <?xml")
	}
	return s
}

func (s *xmlSource) tell(rule string, line int, message string) {
	if issue, ok := s.k.tell(rule, line, "", "", message); ok {
		s.file = append(s.file, issue)
	}
}

func (s *xmlSource) fill(b *block) error {
	s.buf = append(b.data[:0], s.left...)
	for {
		if s.end == nil && (s.short || len(s.buf) < b.size) {
			s.more(b.lack(len(s.buf), s.short))
		}
		s.cut(b)
		s.short = len(b.spans) < maxSpans
		if s.end != nil || len(b.spans) > 0 {
			break
		}
		s.forget()
	}
	if s.end != nil && s.short {
		s.finish(b)
		b.data, b.file = s.buf, s.file
		s.buf, s.file = nil, nil
		return s.end
	}
	b.exact = !s.guessed && s.rootName != s.itemName
	// What follows the last whole item goes into the next block.
	keep := s.keep()
	s.left = append(s.left[:0], s.buf[keep:]...)
	s.advanceTo(keep)
	b.data, b.file = s.buf[:keep], s.file
	s.buf, s.file = nil, nil
	s.shift(keep)
	return nil
}

// more reads so many bytes.
func (s *xmlSource) more(size int) {
	n := len(s.buf)
	s.buf, s.end = readMore(s.r, s.buf, size)
	if s.long.see(s.buf[n:]) {
		s.tell("file.line", s.line+bytes.Count(s.buf[s.lineAt:n], []byte("\n")), fmt.Sprintf("a line is longer than the %d bytes Meta takes", maxLine))
	}
}

// jump takes a region for the next items; see jumper. Cutting begins anew at each
// item, so that the same bytes make the same items.
func (s *xmlSource) jump(b *block, p *page) (start, line int, ok bool) {
	s.buf = append(b.data[:0], s.left...)
	if !s.found { // what the prefixes stand for is not known before the first item
		s.more(headSize)
		var first block
		if s.cut(&first); len(first.spans) > 0 {
			s.rewind(first.spans[0])
		}
	}
	if s.inside && !s.tooLong {
		s.rewind(span{start: s.start, line: s.begun})
	}
	ready := s.found && !s.inside && s.closes == ""
	for start = s.at; ready && start < s.at+blockSize; start++ { // more emptiness is fill's
		if s.end == nil && len(s.buf) < start+p.region.length {
			s.more(start + p.region.length - len(s.buf))
		}
		if start >= len(s.buf) || strings.IndexByte(" \t\r\n", s.buf[start]) < 0 {
			break
		}
	}
	end := start + p.region.length
	if ok = ready && len(s.buf) >= end && hashText(s.space, s.buf[start:end]) == p.region.hash; !ok {
		s.left = append(s.left[:0], s.buf...)
		b.data, s.buf = s.buf[:0], nil
		return 0, 0, false
	}
	s.advanceTo(start)
	line = s.line
	s.left = append(s.left[:0], s.buf[end:]...)
	b.data, b.file = s.buf[:end], s.file
	s.buf, s.file = nil, nil
	s.line, s.lineAt, s.at, s.closed, s.short = line+p.region.lines, 0, 0, false, false
	return start, line, true
}

// back makes items be filled again; see jumper.
func (s *xmlSource) back(b *block, index int) {
	from := b.spans[index]
	s.left = append(slices.Clone(b.data[from.start:]), s.left...)
	b.data, b.spans = b.data[:from.start], b.spans[:index]
	s.rewind(span{line: from.line})
}

// rewind makes cutting go on where an item begins.
func (s *xmlSource) rewind(to span) {
	s.at, s.line, s.lineAt = to.start, to.line, to.start
	s.inside, s.tooLong, s.closes, s.closed, s.short = false, false, "", false, false
}

// keep is where what is still needed of buf begins.
func (s *xmlSource) keep() int {
	if s.inside && !s.tooLong {
		return s.start
	}
	return s.at
}

// forget drops what is not needed, so that an item, or what stands between two,
// may be of any length.
func (s *xmlSource) forget() {
	if s.inside && !s.tooLong && len(s.buf)-s.start > maxItem {
		s.tooLong = true
	}
	keep := s.keep()
	if keep < blockSize/2 {
		return
	}
	s.remember(s.buf[:keep])
	s.advanceTo(keep)
	s.buf = append(s.buf[:0], s.buf[keep:]...)
	s.shift(keep)
}

// shift moves positions after the first n bytes of buf went away.
func (s *xmlSource) shift(n int) {
	s.at -= n
	s.start = max(s.start-n, 0)
	s.lineAt = max(s.lineAt-n, 0)
	s.opened = max(s.opened-n, -1)
}

// advanceTo counts the lines before a position.
func (s *xmlSource) advanceTo(pos int) {
	if pos > s.lineAt {
		s.line += bytes.Count(s.buf[s.lineAt:pos], []byte("\n"))
		s.lineAt = pos
	}
}

// remember keeps the beginning of the feed, which declares the prefixes.
func (s *xmlSource) remember(before []byte) {
	if !s.found && len(s.head) < headSize {
		s.head = append(s.head, before[:min(len(before), headSize)]...)
	}
}

// cut finds whole items in buf and adds them to the block.
func (s *xmlSource) cut(b *block) {
	for len(b.spans) < maxSpans {
		if s.closes != "" && !s.skip() {
			return
		}
		i := bytes.IndexByte(s.buf[s.at:], '<')
		if i < 0 {
			s.at = len(s.buf)
			return
		}
		p := s.at + i
		rest := s.buf[p+1:]
		if len(rest) < maxTag && s.end == nil {
			s.at = p
			return
		}
		next := byte(0)
		if len(rest) > 0 {
			next = rest[0]
		}
		switch {
		case next == '!' && bytes.HasPrefix(rest, []byte("!--")):
			s.skipTo("-->", p, 4)
		case next == '!' && bytes.HasPrefix(rest, []byte("![CDATA[")):
			s.skipTo("]]>", p, 9)
		case next == '?':
			s.skipTo("?>", p, 2)
		case s.inside && !s.isItem(rest): // the rest of the item is its reader's
			s.at = p + 1
		default:
			s.tag(b, p)
		}
	}
}

// isItem tells a tag whose local name begins as that of items does.
func (s *xmlSource) isItem(tag []byte) bool {
	for i, c := range tag[:min(len(tag), 64)] {
		switch {
		case c == ':':
			return bytes.HasPrefix(tag[i+1:], []byte(s.itemName))
		case c <= ' ' || c == '>':
			return bytes.HasPrefix(bytes.TrimPrefix(tag, []byte("/")), []byte(s.itemName))
		}
	}
	return true
}

// maxTag is how many bytes of a tag are looked at, for its name and whether it
// closes itself.
const maxTag = 1024

func (s *xmlSource) skipTo(closes string, from, length int) {
	s.closes, s.opened, s.at = closes, from, min(from+length, len(s.buf))
}

// maxSkip is how long a comment or CDATA inside an item may be; a longer one
// was not closed.
const maxSkip = 1 << 20

// skip looks for the end of a comment and the like; false is that more has to
// be read for it. One inside an item that does not end is taken for text, so
// that the items behind it are found.
func (s *xmlSource) skip() bool {
	if i := bytes.Index(s.buf[s.at:], []byte(s.closes)); i >= 0 {
		s.at += i + len(s.closes)
		s.closes = ""
		return true
	}
	if (s.inside || s.closes == "?>") && s.opened >= 0 && (s.end != nil || len(s.buf)-s.opened > maxSkip) {
		s.closes, s.at, s.guessed = "", s.opened+2, true
		return true
	}
	s.at = max(s.at, len(s.buf)-len(s.closes)+1)
	return false
}

// tag looks at the tag at p.
func (s *xmlSource) tag(b *block, p int) {
	text := s.buf[p+1:]
	s.at = p + 1
	closing := len(text) > 0 && text[0] == '/'
	if closing {
		text = text[1:]
	}
	name := localName(text)
	if len(name) == 0 || name[0] == '!' {
		return
	}
	if s.rootName == "" && !closing {
		s.rootName = string(name)
	}
	s.closed = closing && string(name) == s.rootName
	switch s.itemName {
	case "":
		if string(name) != "item" && string(name) != "entry" {
			return
		}
		s.itemName = string(name) // once: readers look at it while items are cut
	default:
		if string(name) != s.itemName {
			return
		}
	}
	length, empty := tagEnd(s.buf[p:])
	switch {
	case closing && s.inside:
		s.at = p + length
		s.leave(b, p+length, "")
	case closing, empty && s.inside: // an item inside an item is none
	case s.inside:
		s.leave(b, p, "the item is not closed before the next begins")
		s.enter(p)
	case empty:
		s.enter(p)
		s.at = p + length
		s.leave(b, p+length, "")
	default:
		s.enter(p)
	}
}

func (s *xmlSource) enter(p int) {
	s.remember(s.buf[:p])
	if !s.found {
		s.found, s.spaces = true, namespaces(s.head)
		s.hashSpaces()
	}
	s.advanceTo(p)
	s.inside, s.tooLong, s.start, s.begun = true, false, p, s.line
}

func (s *xmlSource) around() uint64 { return s.space }

// hashSpaces makes around of the prefixes that are declared.
func (s *xmlSource) hashSpaces() {
	s.space = hashText(s.k.print, s.itemName)
	for _, prefix := range slices.Sorted(maps.Keys(s.spaces)) {
		s.space = hashText(hashText(s.space, prefix), s.spaces[prefix])
	}
}

func (s *xmlSource) leave(b *block, end int, problem string) {
	if s.tooLong {
		b.spans = append(b.spans, span{line: s.begun, problem: "the item is longer than 4 MiB"})
	} else {
		b.spans = append(b.spans, span{start: s.start, end: end, line: s.begun, problem: problem})
	}
	s.inside, s.tooLong = false, false
}

// finish ends the feed.
func (s *xmlSource) finish(b *block) {
	if s.inside {
		s.closed = false
		s.leave(b, len(s.buf), "the feed ends inside this item")
	}
	if !isEnd(s.end) {
		return
	}
	if !errors.Is(s.end, io.EOF) || !s.closed {
		s.advanceTo(len(s.buf))
		b.tail = s.cutShort()
	}
	s.end = io.EOF
}

func (s *xmlSource) cutShort() []Issue {
	if issue, ok := s.k.tell("file.truncated", s.line, "", "", "the feed ends in the middle; what came before was checked"); ok {
		return []Issue{issue}
	}
	return nil
}

// localName is the name a tag begins with, without prefix, as a piece of text.
func localName(text []byte) []byte {
	from := 0
	for i, c := range text[:min(len(text), 64)] {
		switch c {
		case ' ', '\t', '\r', '\n', '/', '>', '<':
			return text[from:i]
		case ':':
			if from == 0 {
				from = i + 1
			}
		}
	}
	return text[from:min(len(text), 64)]
}

// tagEnd returns the length of the tag text begins with, and whether it closes
// itself.
func tagEnd(text []byte) (length int, empty bool) {
	quote := byte(0)
	for i, c := range text[:min(len(text), maxTag)] {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1, text[i-1] == '/'
		}
	}
	i := bytes.IndexByte(text, '>')
	return i + 1, false
}

// namespaces reads the xmlns attributes of what stands before the first item.
func namespaces(head []byte) map[string]string {
	out := map[string]string{}
	d := lenientDecoder(string(head))
	for {
		tok, err := d.RawToken()
		if err != nil {
			return out
		}
		for _, a := range attributesOf(tok) {
			if a.Name.Space == "xmlns" {
				out[a.Name.Local] = a.Value
			}
		}
	}
}

// checkPrefix tells of prefixes that nothing declares, and of a g that is not
// Google's.
func (s *xmlSource) checkPrefix(r *record, prefix, local string, line int, declared func(string) string) {
	if prefix == "" || prefix == "xml" {
		return
	}
	uri := s.spaces[prefix]
	if uri == "" && declared != nil {
		uri = declared(prefix)
	}
	if uri != "" && (prefix != "g" || strings.HasPrefix(uri, googleNS)) {
		return
	}
	what := fmt.Sprintf("the prefix %s: is used and not declared", clip(prefix))
	if uri != "" {
		what = fmt.Sprintf("the prefix g: is bound to %q, not to Google's namespace", clip(uri))
	}
	if issue, ok := s.k.tell("file.namespace", line, clip(prefix+":"+local), prefix, what); ok {
		issue.Attribute = clip(prefix + ":" + local)
		r.once = append(r.once, issue)
	}
}

// googleNS is the namespace of Google's attributes.
const googleNS = "http://base.google.com/ns/1.0"
