package feeds

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// Shops' own product exports are tables as well, of other columns: a product has
// one row for each variant, and says on one of them what holds for all. An
// exportSource makes items of them, with the attributes the shop's channel to
// Google would write. What such a file does not hold, the currency and the
// address of the shop, comes from Options.

// exportKind translates the rows of one shop system.
type exportKind interface {
	// row takes the next row and emits the items that are complete with it.
	row(cells row, emit func(draft))
	// end emits what is left.
	end(emit func(draft))
}

// row is a row of an export.
type row struct {
	cells   []string
	columns map[string]int // by plainColumn
	line    int
}

// get is the first of the columns that is there and not empty.
func (r *row) get(names ...string) string {
	for _, n := range names {
		if i, ok := r.columns[n]; ok && i < len(r.cells) {
			if v := trim(r.cells[i]); v != "" {
				return v
			}
		}
	}
	return ""
}

// plainColumn makes "Google Shopping / Age Group" of every spelling the same.
func plainColumn(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// draft is an item of an export: attributes and the line it begins on.
type draft struct {
	line    int
	problem string // why there is none
	names   []attrID
	texts   []string
}

func (d *draft) add(name attrID, value string) {
	if value != "" {
		d.names, d.texts = append(d.names, name), append(d.texts, value)
	}
}

// exportSource reads rows as tableSource cuts them, and writes each item into
// the block as lines of "number of the attribute, tab, value", so that it is
// checked beside others.
type exportSource struct {
	table *tableSource
	kind  exportKind
	names map[string]int
	raw   block
	queue []draft
	named uint64 // see around
	end   error
}

func newExportSource(br *bufio.Reader, format string, o Options, k *checker, issues []Issue) (source, error) {
	head, _ := br.Peek(headSize)
	t := &tableSource{r: br, k: k, line: 1, file: issues, sep: separator(headerLine(head))}
	cells, err := t.firstRow()
	if err != nil {
		return nil, err
	}
	s := &exportSource{table: t, names: columnsOf(cells), named: hashText(k.print, fmt.Sprintf("%s %q %q", format, o.Currency, o.ShopURL))}
	shop := shop{currency: strings.ToUpper(o.Currency), url: strings.TrimRight(o.ShopURL, "/")}
	if s.kind = (&shopify{shop: shop}); format == "woocommerce" {
		s.kind, s.names = &woocommerce{shop: shop}, wooColumns(cells)
	}
	if exportFormat(cells) != format {
		return nil, &NotAFeed{"the first line is not the header of a product export of " + format}
	}
	t.cols = make([]column, len(cells))
	return s, nil
}

// exportFormat tells by the header which shop system wrote a table, or "".
func exportFormat(cells []string) string {
	names := columnsOf(cells)
	has := func(all ...string) bool {
		for _, n := range all {
			if _, ok := names[n]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has("handle", "title", "variant price"), has("url handle", "title", "price"):
		return "shopify"
	}
	if names = wooColumns(cells); has("type", "sku", "name", "regular price") {
		return "woocommerce"
	}
	return ""
}

func columnsOf(cells []string) map[string]int {
	names := make(map[string]int, len(cells))
	for i, c := range cells {
		if n := plainColumn(c); n != "" {
			if _, twice := names[n]; !twice {
				names[n] = i
			}
		}
	}
	return names
}

func (s *exportSource) around() uint64 { return s.named }

func (s *exportSource) fill(b *block) error {
	for len(b.spans) == 0 {
		for len(s.queue) == 0 && s.end == nil {
			s.more(b)
		}
		for len(s.queue) > 0 && len(b.data) < blockSize && len(b.spans) < maxSpans {
			s.write(b, &s.queue[0])
			s.queue = s.queue[1:]
		}
		if len(s.queue) == 0 && s.end != nil {
			b.tail = append(b.tail, s.raw.tail...)
			return s.end
		}
	}
	return nil
}

// more reads rows and queues the items they make. A product's items share its
// texts until they are written.
func (s *exportSource) more(b *block) {
	raw := &s.raw
	raw.data, raw.spans, raw.file, raw.tail, raw.size = raw.data[:0], raw.spans[:0], nil, nil, b.size
	s.end = s.table.fill(raw)
	b.file = append(b.file, raw.file...)
	text := string(raw.data)
	emit := func(d draft) { s.queue = append(s.queue, d) }
	for _, sp := range raw.spans {
		problem := sp.problem
		var cells []string
		if problem == "" {
			cells = s.table.cells(text[sp.start:sp.end], make([]string, 0, len(s.table.cols)))
			if len(cells) != len(s.table.cols) {
				problem = fmt.Sprintf("the row has %d cells where the header has %d", len(cells), len(s.table.cols))
			}
		}
		if problem != "" {
			emit(draft{line: sp.line, problem: problem})
			continue
		}
		s.kind.row(row{cells, s.names, sp.line}, emit)
	}
	if errors.Is(s.end, io.EOF) {
		s.kind.end(emit)
	}
}

// draftEnd ends each attribute of a draft; no text holds it.
const draftEnd = '\x1f'

func (s *exportSource) write(b *block, d *draft) {
	start := len(b.data)
	for i, name := range d.names {
		b.data = append(b.data, byte(name), byte(name>>8))
		b.data = append(b.data, strings.ReplaceAll(d.texts[i], string(draftEnd), " ")...)
		b.data = append(b.data, draftEnd)
	}
	b.spans = append(b.spans, span{start: start, end: len(b.data), line: d.line, problem: d.problem})
}

func (s *exportSource) read(text string, sp span, r *record) {
	if sp.problem != "" {
		r.lost = true
		r.broke(s.table.k, sp.line, sp.problem)
		return
	}
	for rest := text[sp.start:sp.end]; len(rest) > 2; {
		name := attrID(rest[0]) | attrID(rest[1])<<8
		end := 2 + strings.IndexByte(rest[2:], draftEnd)
		value := rest[2:end]
		rest = rest[end+1:]
		if !utf8.ValidString(value) {
			r.notUTF8(s.table.k, sp.line, nameOf(name))
			value = strings.ToValidUTF8(value, "\ufffd")
		}
		r.add(name, "", value, sp.line, 0)
	}
}

// shop is what an export does not say.
type shop struct{ currency, url string }

// price writes an export's bare number as platforms want it.
func (s *shop) price(number string) string {
	if number == "" {
		return ""
	}
	if i := strings.LastIndexByte(number, ','); i >= 0 && i >= len(number)-3 && strings.IndexByte(number, '.') < 0 {
		number = strings.Replace(number, ",", ".", 1) // 12,50 of shops that write so
	}
	return strings.TrimSpace(number + " " + s.currency)
}

// options are what a variant is told apart by; their names are the shop's.
var optionNames = map[string]attrID{"color": aColor, "colour": aColor, "farbe": aColor, "couleur": aColor, "colore": aColor, "barva": aColor, "kleur": aColor,
	"size": aSize, "größe": aSize, "groesse": aSize, "taille": aSize, "taglia": aSize, "talla": aSize, "velikost": aSize, "maat": aSize,
	"material": aMaterial, "materiál": aMaterial, "matière": aMaterial, "pattern": aPattern, "muster": aPattern, "gender": aGender, "age group": aAgeGroup}

// option adds what a variant is told apart by.
func (d *draft) option(name, value string) {
	if value == "" || name == "" {
		return
	}
	if a := optionNames[plainColumn(name)]; a != aOther {
		d.add(a, value)
		return
	}
	d.add(aVariantName, name)
	d.add(aVariantValue, value)
}

// stock adds how many pieces there are.
func (d *draft) stock(pieces string) {
	if isDigits(pieces) {
		d.add(aInventory, pieces)
	}
}

var aInventory = attributeIDs["inventory"]

// prose makes plain text of a description in HTML, as the shops' channels do.
func prose(s string) string {
	if strings.IndexByte(s, '<') < 0 && strings.IndexByte(s, '&') < 0 {
		return s
	}
	var b strings.Builder
	hidden := false // script and style
	for z := html.NewTokenizer(strings.NewReader(s)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return strings.Join(strings.Fields(b.String()), " ")
		case html.TextToken:
			if !hidden {
				b.Write(z.Text())
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			hidden = string(name) == "script" || string(name) == "style"
			b.WriteByte(' ')
		default:
			hidden = false
			b.WriteByte(' ')
		}
	}
}

// isTableOf tells whether the header line of a table is one of the formats.
func isTableOf(text []byte, format string) bool {
	line := headerLine(text)
	s := tableSource{sep: separator(line), end: io.EOF}
	return exportFormat(s.cells(string(bytes.TrimRight(line, "\r\n")), nil)) == format
}
