package feeds

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// headSize is how much of a feed is looked at to tell what it is.
const headSize = 16 << 10

// open undoes compression and encoding, finds out what the feed is written in,
// and returns its items, and what it was packed in.
func open(r io.Reader, o Options, k *checker) (source, *archive, error) {
	br, packed, err := inflate(r)
	if err != nil {
		return nil, nil, err
	}
	src, err := openText(br, o, k)
	return src, packed, err
}

func openText(br *bufio.Reader, o Options, k *checker) (source, error) {
	decoded, issues, err := decode(br, o, k)
	if err != nil {
		return nil, err
	}
	text, ok := decoded.(*bufio.Reader)
	if !ok {
		text = bufio.NewReaderSize(decoded, 64<<10)
	}
	head, err := peek(text)
	if err != nil {
		return nil, err
	}
	format, err := recognise(head, o.Format)
	if err != nil {
		return nil, err
	}
	switch format {
	case "xml":
		return newXMLSource(text, head, k, issues), nil
	case "shopify", "woocommerce":
		return newExportSource(text, format, o, k, issues)
	}
	return newTableSource(text, format, k, issues)
}

func peek(br *bufio.Reader) ([]byte, error) {
	head, err := br.Peek(headSize)
	if isEnd(err) || errors.Is(err, bufio.ErrBufferFull) {
		err = nil
	}
	return head, err
}

// recognise tells formats apart by content.
func recognise(head []byte, format string) (string, error) {
	text := bytes.TrimSpace(head)
	if len(text) == 0 {
		return "", &NotAFeed{"the file is empty"}
	}
	lower := bytes.ToLower(text)
	if isPage(lower) {
		return "", &NotAFeed{"this is an HTML page, not a feed; is the address right, and does it need a password?"}
	}
	if format != "" && format != "auto" {
		return format, nil
	}
	if text[0] == '<' {
		for _, root := range []string{"<rss", "<feed", "<item", "<channel", "<entry", "<rdf:rdf", ":feed", ":rss"} {
			if bytes.Contains(lower, []byte(root)) {
				return "xml", nil
			}
		}
		return "", &NotAFeed{"this is XML, but neither RSS nor Atom"}
	}
	// Of the first line only: a text pasted into an item may hold such a thing.
	for _, b := range headerLine(text) {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' {
			return "", &NotAFeed{"the file is binary, not a feed"}
		}
	}
	for _, shop := range []string{"shopify", "woocommerce"} {
		if isTableOf(text, shop) {
			return shop, nil
		}
	}
	if header := headerLine(text); bytes.IndexByte(header, '\t') >= 0 {
		return "tsv", nil
	}
	return "csv", nil
}

// isPage tells an HTML page: one whose first element is one of HTML's, beside
// doctype and comments.
func isPage(lower []byte) bool {
	if bytes.HasPrefix(lower, []byte("<!doctype html")) {
		return true
	}
	i := bytes.Index(lower[:min(len(lower), 1024)], []byte("<html"))
	return i >= 0 && !bytes.Contains(lower[:i], []byte("<rss")) && !bytes.Contains(lower[:i], []byte("<feed"))
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
