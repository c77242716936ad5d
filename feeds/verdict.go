package feeds

import (
	"encoding/binary"
	"math/bits"
	"time"

	"adsteward/internal/money"
)

// A verdict is what was found out about one item, written down: numbers, lines
// counted from the item's own, and beside them all texts in a row.

// itemTexts are the texts of an item, in the order they are written. They are put
// where they are wanted, as a copy of them takes longer than all else here.
func itemTexts(it *Item, to *[12]*string) {
	to[0], to[1], to[2], to[3], to[4], to[5] = &it.ID, &it.Title, &it.Availability, &it.ProductType, &it.Brand, &it.ItemGroupID
	to[11] = &it.Link
	for i := range it.CustomLabels {
		to[6+i] = &it.CustomLabels[i]
	}
}

// numbers are those of the traces that are written in full where they are not 0.
func (t *traces) numbers(to *[12]*uint64) {
	to[0], to[1], to[2], to[3], to[4], to[5], to[6] = &t.id, &t.gtin, &t.group, &t.variant, &t.groupTitle, &t.brand, &t.category
	for i := range t.labels {
		to[7+i] = &t.labels[i]
	}
}

func (t *traces) lines() [3]int { return [...]int{t.idLine, t.gtinLine, t.groupLine} }

// What a verdict begins with says what of it is there.
const (
	hasLost     = 1 << iota
	hasValidity // else it holds always
	hasPrice    // and two more, for the sale price and the cost
	_
	_
	hasDates
	hasStock
	hasLines  // else all are the item's own
	hasIssues // or something of the file, or unknown attributes
	hasNumber // and one more for each other of traces.numbers
)

// verdict writes down a result: it appends its numbers to num and its texts to
// text. It is not ok where that cannot be.
func (k *checker) verdict(num, text []byte, res *result, valid validity) (toNum, toText []byte, ok bool) {
	put := func(s string) {
		num, text = binary.AppendUvarint(num, uint64(len(s))), append(text, s...)
	}
	near := func(line int) {
		if line != 0 {
			line -= res.item.Line - 1
		}
		num = binary.AppendVarint(num, int64(line))
	}
	at := len(num)
	flags := uint32(0)
	num = binary.LittleEndian.AppendUint32(num, 0) // their place
	if res.lost {
		flags |= hasLost
	}
	if valid != (validity{}) {
		flags |= hasValidity
		num = binary.AppendVarint(binary.AppendVarint(num, valid.after), valid.until)
	}
	var texts [12]*string
	itemTexts(&res.item, &texts)
	for _, s := range &texts {
		put(*s)
	}
	for i, p := range [...]Price{res.item.Price, res.item.SalePrice, res.item.CostOfGoodsSold} {
		if p.Known() {
			flags |= hasPrice << i
			num = binary.LittleEndian.AppendUint16(num, uint16(currencyAt(p.Currency)))
			num = binary.LittleEndian.AppendUint64(num, uint64(p.Amount))
		}
	}
	if from, until := res.item.SaleFrom, res.item.SaleUntil; !from.IsZero() || !until.IsZero() {
		flags |= hasDates
		num = appendTime(appendTime(num, from), until)
	}
	if res.item.Stock != nil {
		flags |= hasStock
		num = binary.AppendVarint(num, *res.item.Stock)
	}
	var numbers [12]*uint64
	res.traces.numbers(&numbers)
	for i, n := range &numbers {
		if *n != 0 {
			flags |= hasNumber << i
			num = binary.LittleEndian.AppendUint64(num, *n)
		}
	}
	num = append(binary.LittleEndian.AppendUint16(num, res.traces.tag), res.traces.fields)
	if res.traces.lines() != [3]int{res.item.Line, res.item.Line, res.item.Line} {
		flags |= hasLines
		for _, l := range res.traces.lines() {
			near(l)
		}
	}
	if len(res.issues)+len(res.once)+len(res.novel) > 0 {
		flags |= hasIssues
	}
	binary.LittleEndian.PutUint32(num[at:], flags)
	if flags&hasIssues == 0 {
		return num, text, true
	}
	for _, issues := range [][]Issue{res.issues, res.once} {
		num = binary.AppendUvarint(num, uint64(len(issues)))
		for i := range issues {
			is := &issues[i]
			place, ok := k.places[rulePlace{is.Rule, is.Platform}]
			if !ok {
				return nil, nil, false
			}
			num = binary.AppendUvarint(num, uint64(place))
			near(is.Line)
			put(is.Attribute)
			put(is.Value)
			put(is.Message)
		}
	}
	num = binary.AppendUvarint(num, uint64(len(res.novel)))
	for _, n := range res.novel {
		near(n.line)
		put(n.name)
	}
	return num, text, true
}

// rulePlace finds a rule's place in checker.all.
type rulePlace struct{ id, platform string }

// verdictDecoder reads a verdict; bad is one that says what it cannot.
type verdictDecoder struct {
	num  []byte
	at   int // in num
	text string
	line int
	room *room
	bad  bool
}

func (d *verdictDecoder) uint() uint64 {
	if d.at < len(d.num) {
		if n := d.num[d.at]; n < 0x80 {
			d.at++
			return uint64(n)
		}
	}
	return d.long()
}

// long reads a number of more than one byte.
func (d *verdictDecoder) long() uint64 {
	n, w := binary.Uvarint(d.num[d.at:])
	if w <= 0 {
		d.bad, d.at = true, len(d.num)
		return 0
	}
	d.at += w
	return n
}

func (d *verdictDecoder) int() int64 {
	n := d.uint()
	return int64(n>>1) ^ -int64(n&1)
}

func (d *verdictDecoder) bytes(n int) []byte {
	if len(d.num)-d.at < n {
		d.bad, d.at = true, len(d.num)
		return make([]byte, n)
	}
	d.at += n
	return d.num[d.at-n : d.at]
}

func (d *verdictDecoder) string() string {
	n := d.uint()
	if n > uint64(len(d.text)) {
		d.bad = true
		return ""
	}
	s := d.text[:n]
	d.text = d.text[n:]
	return s
}

// texts reads those of an item: string, for all of them at once.
func (d *verdictDecoder) texts(it *Item) {
	num, text := d.num[d.at:], d.text
	var to [12]*string
	itemTexts(it, &to)
	for _, s := range &to {
		n, w := uint64(0), 1
		if len(num) > 0 && num[0] < 0x80 {
			n = uint64(num[0])
		} else {
			n, w = binary.Uvarint(num)
		}
		if w <= 0 || n > uint64(len(text)) {
			d.bad, d.at = true, len(d.num)
			return
		}
		if num = num[w:]; n > 0 {
			*s, text = text[:n], text[n:]
		}
	}
	d.at, d.text = len(d.num)-len(num), text
}

func (d *verdictDecoder) near() int {
	n := int(d.int())
	if n != 0 {
		n += d.line - 1
	}
	return n
}

// size reads a number that counts bytes or lines of a feed.
func (d *verdictDecoder) size() int {
	n := d.uint()
	if n > 1<<31 {
		d.bad = true
		return 0
	}
	return int(n)
}

// head reads what keptItem has of an item beside its hash: size and the like, for
// all five at once.
func (d *verdictDecoder) head() (h [5]uint64) {
	num := d.num[d.at:]
	for i := range h {
		w := 1
		if len(num) > 0 && num[0] < 0x80 {
			h[i] = uint64(num[0])
		} else if h[i], w = binary.Uvarint(num); w <= 0 || h[i] > 1<<32 {
			d.bad, d.at = true, len(d.num)
			return [5]uint64{}
		}
		num = num[w:]
	}
	d.at = len(d.num) - len(num)
	return h
}

// inline reads a text that stands among the numbers.
func (d *verdictDecoder) inline() string {
	n := d.size()
	if n > len(d.num)-d.at {
		d.bad = true
		return ""
	}
	return string(d.bytes(n))
}

// count reads how many things of at least two bytes follow.
func (d *verdictDecoder) count() int {
	n := d.uint()
	if n > uint64((len(d.num)-d.at)/2) {
		d.bad = true
		return 0
	}
	return int(n)
}

// recall makes a result of a verdict, for an item that begins on the line; false
// is one that does not hold today, or was not kept.
func (k *checker) recall(num []byte, text string, line int, res *result, room *room) bool {
	if len(num) == 0 {
		return false
	}
	var d verdictDecoder // set field by field, which takes half as long as a literal
	d.num, d.text, d.line, d.room = num, text, line, room
	flags := binary.LittleEndian.Uint32(d.bytes(4))
	if flags&hasValidity != 0 && !(validity{d.int(), d.int()}).holds(k.now) {
		return false
	}
	res.lost, res.item.Line = flags&hasLost != 0, line
	d.texts(&res.item)
	for i, to := range [...]*Price{&res.item.Price, &res.item.SalePrice, &res.item.CostOfGoodsSold} {
		if flags&(hasPrice<<i) != 0 {
			*to = d.price()
		}
	}
	if flags&hasDates != 0 {
		res.item.SaleFrom, res.item.SaleUntil = d.time(), d.time()
	}
	if flags&hasStock != 0 {
		stock := d.int()
		res.item.Stock = &stock
	}
	numbers := d.bytes(8 * bits.OnesCount32(flags/hasNumber))
	var to [12]*uint64
	res.traces.numbers(&to)
	for i, p := range &to {
		if flags&(hasNumber<<i) != 0 {
			*p, numbers = binary.LittleEndian.Uint64(numbers), numbers[8:]
		}
	}
	t := &res.traces
	t.tag, t.fields = binary.LittleEndian.Uint16(d.bytes(2)), d.bytes(1)[0]
	if t.idLine, t.gtinLine, t.groupLine = line, line, line; flags&hasLines != 0 {
		t.idLine, t.gtinLine, t.groupLine = d.near(), d.near(), d.near()
	}
	if flags&hasIssues != 0 {
		res.issues, res.once = d.issues(k), d.issues(k)
		for range d.count() {
			line := d.near()
			res.novel = append(res.novel, novel{d.string(), line})
		}
	}
	if d.bad {
		*res = result{}
	}
	return !d.bad
}

// room is where the issues of a block are made, some at a time: one by one they take
// longer than all else. The last of it is used again for the next block's.
type room []Issue

// A room begins with the first size and grows up to the second.
const (
	roomSize     = 64
	mostRoomSize = 512
)

// some returns n issues to fill.
func (r *room) some(n int) []Issue {
	if n > roomSize/8 {
		return make([]Issue, n)
	}
	if cap(*r)-len(*r) < n {
		*r = make([]Issue, 0, min(max(roomSize, 2*cap(*r)), mostRoomSize))
	}
	from := len(*r)
	*r = (*r)[:from+n]
	return (*r)[from : from+n : from+n]
}

func appendTime(num []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(num, 0)
	}
	_, offset := t.Zone()
	num = binary.AppendUvarint(num, 1+uint64(t.Nanosecond()))
	return binary.AppendVarint(binary.AppendVarint(num, t.Unix()), int64(offset))
}

func (d *verdictDecoder) time() time.Time {
	nanos := d.uint()
	if nanos == 0 {
		return time.Time{}
	}
	seconds, offset := d.int(), d.int()
	t := time.Unix(seconds, int64((nanos-1)%1e9)).UTC()
	if offset != 0 {
		t = t.In(time.FixedZone("", int(offset)))
	}
	return t
}

func (d *verdictDecoder) price() Price {
	place := int(binary.LittleEndian.Uint16(d.bytes(2)))
	amount := money.Micros(binary.LittleEndian.Uint64(d.bytes(8)))
	if place%4 != 0 || place+3 > len(currencies) {
		d.bad = true
		return Price{}
	}
	return Price{amount, currencies[place : place+3]}
}

func (d *verdictDecoder) issues(k *checker) []Issue {
	n := d.count()
	if n == 0 {
		return nil
	}
	out := d.room.some(n)
	for i := range out {
		place := d.uint()
		if place >= uint64(len(k.all)) {
			d.bad = true
			return nil
		}
		r := k.all[place]
		line := d.near()
		is := &out[i]
		is.ItemID, is.File, is.Line = "", "", line
		is.Rule, is.Severity, is.Platform, is.Fix, is.Code = r.ID, r.Severity, r.Platform, r.Fix, r.Code
		is.Attribute, is.Value, is.Message = d.string(), d.string(), d.string()
	}
	return out
}
