package feeds

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode/utf32"
)

// decode turns the feed into UTF-8 without a byte order mark. What goes on may
// begin with an issue of the file.
func decode(br *bufio.Reader, o Options, k *checker) (io.Reader, []Issue, error) {
	head, err := peek(br)
	if err != nil {
		return nil, nil, err
	}
	label, mark := o.Encoding, 0
	if name, n := byMark(head); n > 0 {
		label, mark = name, n
	}
	if _, err := br.Discard(mark); err != nil {
		return nil, nil, err
	}
	if label == "" {
		label = byZeros(head)
	}
	if label == "" && bytes.IndexByte(headerLine(head), 0) >= 0 && !bytes.HasPrefix(bytes.TrimSpace(head), []byte("<")) {
		return nil, nil, &NotAFeed{"the file is binary, not a feed; if it is text, name its encoding with --encoding"}
	}
	if label == "" {
		label = declared(head)
	}
	switch l := strings.ToLower(label); l {
	case "", "utf-8", "utf8":
		return br, nil, nil
	case "utf-32le", "utf-32be":
		end := utf32.LittleEndian
		if l == "utf-32be" {
			end = utf32.BigEndian
		}
		return decoder(utf32.UTF32(end, utf32.IgnoreBOM), br), nil, nil
	}
	enc, _ := charset.Lookup(label)
	if enc == nil && o.Encoding != "" {
		return nil, nil, &NotAFeed{fmt.Sprintf("there is no encoding %q; utf-8, iso-8859-1 or windows-1250 are some", o.Encoding)}
	}
	if enc == nil {
		var issues []Issue
		if issue, ok := k.tell("file.encoding", 1, "encoding", label, fmt.Sprintf("the XML declaration names an encoding %q that does not exist; read as UTF-8", clip(label))); ok {
			issues = append(issues, issue)
		}
		return br, issues, nil
	}
	return decoder(enc, br), nil, nil
}

func decoder(enc encoding.Encoding, r io.Reader) io.Reader { return enc.NewDecoder().Reader(r) }

// byMark goes by the byte order mark, which is n bytes long.
func byMark(head []byte) (label string, n int) {
	for _, m := range []struct{ mark, label string }{{"\xef\xbb\xbf", "utf-8"}, {"\xff\xfe\x00\x00", "utf-32le"}, {"\x00\x00\xfe\xff", "utf-32be"},
		{"\xff\xfe", "utf-16le"}, {"\xfe\xff", "utf-16be"}} {
		if bytes.HasPrefix(head, []byte(m.mark)) {
			return m.label, len(m.mark)
		}
	}
	return "", 0
}

// byZeros recognises UTF-16 without a mark: every other byte of its first
// characters, which are ASCII, is zero.
func byZeros(head []byte) string {
	if len(head) < 16 {
		return ""
	}
	var even, odd int
	for i, b := range head[:16] {
		if b == 0 && i%2 == 0 {
			even++
		} else if b == 0 {
			odd++
		}
	}
	switch {
	case odd == 8 && even == 0:
		return "utf-16le"
	case even == 8 && odd == 0:
		return "utf-16be"
	}
	return ""
}

// declared returns the encoding of an XML declaration, or "".
func declared(head []byte) string {
	decl, _, ok := bytes.Cut(head, []byte("?>"))
	if !ok || !bytes.HasPrefix(bytes.TrimSpace(decl), []byte("<?xml")) {
		return ""
	}
	_, rest, ok := bytes.Cut(decl, []byte("encoding"))
	if !ok {
		return ""
	}
	rest = bytes.TrimLeft(rest, " =\t\r\n")
	if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return ""
	}
	name, _, _ := bytes.Cut(rest[1:], rest[:1])
	return string(name)
}
