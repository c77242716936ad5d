package feeds

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"golang.org/x/net/html/charset"
)

// headSize is how much of a feed is looked at to tell what it is.
const headSize = 16 << 10

// open undoes compression and encoding, finds out what the feed is written in,
// and returns its items.
func open(r io.Reader, o Options) (source, error) {
	br, err := inflate(bufio.NewReaderSize(r, 64<<10))
	if err != nil {
		return nil, err
	}
	head, err := peek(br)
	if err != nil {
		return nil, err
	}
	text, issue, err := decode(br, head, o)
	if err != nil {
		return nil, err
	}
	if head, err = peek(text); err != nil {
		return nil, err
	}
	format, err := recognise(head, o.Format)
	if err != nil {
		return nil, err
	}
	var src source
	if format == "xml" {
		src = newXMLSource(text, o.Platform, issue)
	} else {
		src, err = newTableSource(text, format, o.Platform, issue)
	}
	return src, err
}

func peek(br *bufio.Reader) ([]byte, error) {
	head, err := br.Peek(headSize)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) || err == bufio.ErrBufferFull {
		err = nil
	}
	return head, err
}

// inflate undoes gzip, and zip of one file, by what the bytes say.
func inflate(br *bufio.Reader) (*bufio.Reader, error) {
	head, _ := br.Peek(30) // its errors come again on reading
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, &NotAFeed{"the gzip header is broken; is the file complete?"}
		}
		return bufio.NewReaderSize(cutShort{z}, 64<<10), nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) && len(head) == 30:
		// The local header of the first file: enough to read it as a stream.
		method := binary.LittleEndian.Uint16(head[8:])
		skip := 30 + int(binary.LittleEndian.Uint16(head[26:])) + int(binary.LittleEndian.Uint16(head[28:]))
		if _, err := br.Discard(skip); err != nil || method != 8 {
			return nil, &NotAFeed{"the zip archive cannot be read; compress the feed with gzip"}
		}
		return bufio.NewReaderSize(cutShort{flate.NewReader(br)}, 64<<10), nil
	}
	return br, nil
}

// cutShort makes the end of the feed of whatever stops decompression, so that
// what came before is checked.
type cutShort struct{ r io.Reader }

func (c cutShort) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if err != nil && err != io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// decode turns the feed into UTF-8 without a byte order mark.
func decode(br *bufio.Reader, head []byte, o Options) (*bufio.Reader, *Issue, error) {
	label := o.Encoding
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		br.Discard(3) // just peeked: cannot fail
		return br, nil, nil
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		label = "utf-16le"
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		label = "utf-16be"
	case bytes.IndexByte(head, 0) >= 0 && label == "":
		return nil, nil, &NotAFeed{"the file is binary, or UTF-16 without a byte order mark; name the encoding with --encoding"}
	case label == "":
		label = declared(head)
	}
	if l := strings.ToLower(label); l == "" || l == "utf-8" || l == "utf8" {
		return br, nil, nil
	}
	enc, name := charset.Lookup(label)
	if enc == nil {
		if o.Encoding != "" {
			return nil, nil, &NotAFeed{fmt.Sprintf("there is no encoding %q; utf-8, iso-8859-1 or windows-1250 are some", o.Encoding)}
		}
		return br, &Issue{Line: 1, Attribute: "encoding", Rule: "file.encoding", Severity: Error, Platform: o.Platform, Value: label,
			Message: fmt.Sprintf("the XML declaration names an encoding %q that does not exist; read as UTF-8", label), Fix: `write encoding="UTF-8" and save as UTF-8`}, nil
	}
	if name == "utf-16le" || name == "utf-16be" { // the mark is no text
		if bytes.HasPrefix(head, []byte("\xff\xfe")) || bytes.HasPrefix(head, []byte("\xfe\xff")) {
			br.Discard(2)
		}
	}
	return bufio.NewReaderSize(enc.NewDecoder().Reader(br), 64<<10), nil, nil
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

// recognise tells xml, tsv and csv apart by content.
func recognise(head []byte, format string) (string, error) {
	text := bytes.TrimSpace(head)
	if len(text) == 0 {
		return "", &NotAFeed{"the file is empty"}
	}
	lower := bytes.ToLower(text)
	if bytes.Contains(lower[:min(len(lower), 1024)], []byte("<html")) || bytes.HasPrefix(lower, []byte("<!doctype html")) {
		return "", &NotAFeed{"this is an HTML page, not a feed; is the address right, and does it need a password?"}
	}
	switch format {
	case "", "auto":
	case "xml", "tsv", "csv":
		return format, nil
	default:
		return "", &NotAFeed{fmt.Sprintf("there is no format %q; choose auto, xml, tsv or csv", format)}
	}
	if text[0] == '<' {
		if !bytes.Contains(lower, []byte("<rss")) && !bytes.Contains(lower, []byte("<feed")) && !bytes.Contains(lower, []byte("<item")) &&
			!bytes.Contains(lower, []byte("<channel")) && !bytes.Contains(lower, []byte("<entry")) {
			return "", &NotAFeed{"this is XML, but neither RSS nor Atom"}
		}
		return "xml", nil
	}
	for _, b := range text {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' {
			return "", &NotAFeed{"the file is binary, not a feed"}
		}
	}
	if header := headerLine(text); bytes.IndexByte(header, '\t') >= 0 {
		return "tsv", nil
	}
	return "csv", nil
}

// headerLine returns the first line that is not one of Meta's # comments.
func headerLine(text []byte) []byte {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		if trimmed := bytes.TrimLeft(line, "\" \t"); len(bytes.TrimSpace(line)) > 0 && !bytes.HasPrefix(trimmed, []byte("#")) {
			return line
		}
		text = rest
	}
	return nil
}
