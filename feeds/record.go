package feeds

import (
	"slices"
	"strconv"
	"strings"
)

// cell is one value of an item. Its text is a piece of the feed's: what is to
// outlive the item is cloned.
type cell struct {
	value  string
	other  string // the name, where it is not in the table
	line   int
	name   attrID
	group  uint16 // which of the item's groups a sub-attribute belongs to, from 1
	traits traits
}

// label is the plain name.
func (c *cell) label() string {
	if c.name == aOther {
		return c.other
	}
	return nameOf(c.name)
}

// maxCells is how many values of an item are read.
const maxCells = 4000

// record is an item as it is written. One is used again for item after item.
type record struct {
	line   int
	cells  []cell
	first  [numAttrs]uint16 // 1 + the index of the cell that get returns
	groups uint16

	absent cell // stands for attributes that are not there

	price, sale, cost priced
	availability      string // folded

	// right are values of earlier items which rules that look at nothing else have
	// found right; nil remembers none.
	right *[numAttrs]rightValue

	broken []Issue  // what kept the item from being read; the rest is checked all the same
	once   []Issue  // of the file, to be told once: see report
	novel  []novel  // attributes the platforms do not know
	valid  validity // of the verdict
	lost   bool     // too little could be read for it to be checked

	text []byte // used again
	room *room
}

func (r *record) reset(line int) {
	r.line, r.cells, r.groups = line, r.cells[:0], 0
	clear(r.first[:])
	r.price, r.sale, r.cost, r.availability = priced{}, priced{}, priced{}, ""
	r.broken, r.once, r.novel = nil, r.once[:0], r.novel[:0]
	r.valid, r.lost = validity{}, false
}

// add appends a value, without the white space around it.
func (r *record) add(name attrID, other, value string, line int, group uint16) {
	if len(r.cells) == maxCells {
		return
	}
	value = trim(value)
	if f := r.first[name]; name != aOther && (f == 0 || r.cells[f-1].value == "" && value != "") {
		r.first[name] = uint16(len(r.cells) + 1)
	}
	n := len(r.cells)
	r.cells = slices.Grow(r.cells, 1)[:n+1]
	c := &r.cells[n]
	c.value, c.other, c.line, c.name, c.group, c.traits = value, other, line, name, group, traitsOf(value)
}

// trim is strings.TrimSpace, quick where there is nothing to trim.
func trim(s string) string {
	if s == "" || s[0] > ' ' && s[0] < 0x80 && s[len(s)-1] > ' ' && s[len(s)-1] < 0x80 {
		return s
	}
	return strings.TrimSpace(s)
}

// novel is an attribute the platforms do not know, told once of a feed.
type novel struct {
	name string
	line int
}

// find returns the first cell of the name that holds something, else the first,
// else nil.
func (r *record) find(name attrID) *cell {
	if f := r.first[name]; f != 0 {
		return &r.cells[f-1]
	}
	return nil
}

// get returns the first value of the name that is not empty, or "".
func (r *record) get(name attrID) string {
	if f := r.first[name]; f != 0 {
		return r.cells[f-1].value
	}
	return ""
}

func (r *record) has(name attrID) bool { return r.get(name) != "" }

// count tells how many values of the name are not empty.
func (r *record) count(name attrID) (n int) {
	for i := range r.cells {
		if r.cells[i].name == name && r.cells[i].value != "" {
			n++
		}
	}
	return n
}

// inGroup returns the value of the name in one group, or "".
func (r *record) inGroup(name attrID, group uint16) string {
	for i := range r.cells {
		if c := &r.cells[i]; c.name == name && c.group == group && c.value != "" {
			return c.value
		}
	}
	return ""
}

// id is the item's, an Atom entry's own where it has no other.
func (r *record) id() string {
	if id := r.get(aID); id != "" {
		return id
	}
	return r.get(aAtomID)
}

// digest reads what several rules look at, and takes groups apart that are
// written into one value.
func (r *record) digest() {
	for i := range len(r.cells) {
		if parts := groupParts[r.cells[i].name]; parts != nil && r.cells[i].value != "" {
			r.split(r.cells[i], parts)
		}
	}
	r.price = readPrice(r.get(aPrice))
	r.sale = readPrice(r.get(aSalePrice))
	r.cost = readPrice(r.get(aCost))
	r.availability = foldAvailability(r.get(aAvailability))
}

// split takes "DE::Standard:4.90 EUR, AT:::6 EUR" apart. A comma separates
// groups only where what follows has as many colons as what stands before.
func (r *record) split(c cell, parts []attrID) {
	groups := []string{c.value}
	if c.name != aDetail && strings.Contains(c.value, ",") {
		groups = strings.Split(c.value, ",")
	}
	for _, g := range groups {
		r.groups++
		if len(parts) == 0 {
			continue
		}
		for i, p := range strings.SplitN(g, ":", len(parts)) {
			r.add(parts[i], "", p, c.line, r.groups)
		}
	}
}

// item is what the program uses of a record; its text is a copy of its own.
func (r *record) item() Item {
	fields := [...]string{r.id(), r.get(aTitle), r.availability, r.get(aProductType), r.get(aBrand), r.get(aItemGroupID),
		r.get(aLabel0), r.get(aLabel1), r.get(aLabel2), r.get(aLabel3), r.get(aLabel4), r.get(aLink)}
	r.text = r.text[:0]
	for _, f := range fields {
		r.text = append(r.text, f...)
	}
	all := string(r.text)
	for i, f := range fields {
		fields[i], all = all[:len(f)], all[len(f):]
	}
	it := Item{Line: r.line, ID: fields[0], Title: fields[1], Availability: fields[2], ProductType: fields[3], Brand: fields[4], ItemGroupID: fields[5],
		CustomLabels: [5]string(fields[6:11]), Link: fields[11]}
	it.Price, it.SalePrice, it.CostOfGoodsSold = r.price.read(), r.sale.read(), r.cost.read()
	if dates := r.get(aSaleDates); dates != "" && it.SalePrice.Known() {
		if span, ok := readInterval(dates); ok {
			it.SaleFrom, it.SaleUntil = span.start, span.end
		}
	}
	for _, name := range stockNames {
		stock := r.get(name)
		if stock == "" {
			continue // what is no number makes an error, which takes long
		}
		if n, err := strconv.ParseInt(stock, 10, 64); err == nil && n >= 0 {
			it.Stock = &n
			break
		}
	}
	return it
}

// stockNames are the attributes that tell how many pieces there are.
var stockNames = [...]attrID{attributeIDs["quantity_to_sell_on_facebook"], attributeIDs["inventory"], attributeIDs["quantity"]}
