package feeds

import (
	"encoding/binary"
	"time"

	"adsteward/internal/money"
)

// A verdict is what was found out about one item, written down: numbers, lines
// counted from the item's own, and behind them all texts in a row.

// itemTexts are the texts of an item, in the order they are written.
func itemTexts(it *Item) [12]*string {
	return [...]*string{&it.ID, &it.Title, &it.Availability, &it.ProductType, &it.Brand, &it.ItemGroupID,
		&it.CustomLabels[0], &it.CustomLabels[1], &it.CustomLabels[2], &it.CustomLabels[3], &it.CustomLabels[4], &it.Link}
}

// numbers are those of the traces that are written in full where they are not 0.
func (t *traces) numbers() [12]*uint64 {
	return [...]*uint64{&t.id, &t.gtin, &t.group, &t.variant, &t.groupTitle, &t.brand, &t.category,
		&t.labels[0], &t.labels[1], &t.labels[2], &t.labels[3], &t.labels[4]}
}

func (t *traces) lines() [3]*int { return [...]*int{&t.idLine, &t.gtinLine, &t.groupLine} }

// verdict writes down a result. It is nil where that cannot be.
func (k *checker) verdict(res *result, valid validity) []byte {
	var num, text []byte
	put := func(s string) {
		num, text = binary.AppendUvarint(num, uint64(len(s))), append(text, s...)
	}
	near := func(line int) {
		if line != 0 {
			line -= res.item.Line - 1
		}
		num = binary.AppendVarint(num, int64(line))
	}
	lost := byte(0)
	if res.lost {
		lost = 1
	}
	num = append(num, lost)
	num = binary.AppendVarint(binary.AppendVarint(num, valid.after), valid.until)
	for _, s := range itemTexts(&res.item) {
		put(*s)
	}
	for _, p := range [...]*Price{res.item.Price, res.item.SalePrice, res.item.CostOfGoodsSold} {
		if p == nil {
			num = append(num, 0)
			continue
		}
		num = binary.AppendUvarint(num, uint64(1+currencyAt(p.Currency)/4))
		num = binary.AppendVarint(num, int64(p.Amount))
	}
	for _, t := range [...]time.Time{res.item.SaleFrom, res.item.SaleUntil} {
		if t.IsZero() {
			num = append(num, 0)
			continue
		}
		_, offset := t.Zone()
		num = binary.AppendUvarint(num, 1+uint64(t.Nanosecond()))
		num = binary.AppendVarint(num, t.Unix())
		num = binary.AppendVarint(num, int64(offset))
	}
	stock := int64(0)
	if res.item.Stock != nil {
		stock = 1 + *res.item.Stock
	}
	num = binary.AppendVarint(num, stock)
	mask := uint64(0)
	for i, n := range res.traces.numbers() {
		if *n != 0 {
			mask |= 1 << i
		}
	}
	num = binary.AppendUvarint(num, mask)
	for _, n := range res.traces.numbers() {
		if *n != 0 {
			num = binary.LittleEndian.AppendUint64(num, *n)
		}
	}
	num = append(binary.LittleEndian.AppendUint16(num, res.traces.tag), res.traces.fields)
	for _, l := range res.traces.lines() {
		near(*l)
	}
	for _, issues := range [][]Issue{res.issues, res.once} {
		num = binary.AppendUvarint(num, uint64(len(issues)))
		for i := range issues {
			is := &issues[i]
			place, ok := k.places[rulePlace{is.Rule, is.Platform}]
			if !ok {
				return nil
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
	out := binary.AppendUvarint(make([]byte, 0, len(num)+len(text)+3), uint64(len(text)))
	return append(append(out, num...), text...)
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
	if d.at < len(d.num) && d.num[d.at] < 0x80 {
		d.at++
		return uint64(d.num[d.at-1])
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

func (d *verdictDecoder) near() int {
	n := int(d.int())
	if n != 0 {
		n += d.line - 1
	}
	return n
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
// is one that does not hold today.
func (k *checker) recall(body []byte, line int, res *result, room *room) bool {
	d := verdictDecoder{num: body, line: line, room: room}
	n := d.uint()
	if n > uint64(len(d.num)-d.at) {
		return false
	}
	texts := d.num[len(d.num)-int(n):]
	d.num = d.num[:len(d.num)-int(n)]
	lost := d.bytes(1)[0] == 1
	if valid := (validity{d.int(), d.int()}); !valid.holds(k.now) {
		return false
	}
	d.text = string(texts)
	res.lost, res.item.Line = lost, line
	for _, s := range itemTexts(&res.item) {
		*s = d.string()
	}
	d.prices(&res.item)
	res.item.SaleFrom, res.item.SaleUntil = d.time(), d.time()
	if stock := d.int(); stock > 0 {
		stock--
		res.item.Stock = &stock
	}
	mask := d.uint()
	for i, p := range res.traces.numbers() {
		if mask>>i&1 != 0 {
			*p = binary.LittleEndian.Uint64(d.bytes(8))
		}
	}
	res.traces.tag = binary.LittleEndian.Uint16(d.bytes(2))
	res.traces.fields = d.bytes(1)[0]
	for _, l := range res.traces.lines() {
		*l = d.near()
	}
	res.issues, res.once = d.issues(k), d.issues(k)
	for range d.count() {
		line := d.near()
		res.novel = append(res.novel, novel{d.string(), line})
	}
	if d.bad {
		*res = result{hash: res.hash}
	}
	return !d.bad
}

// room is where prices and issues are made, some at a time: one by one they take
// longer than all else. Who keeps one of them keeps its neighbours.
type room struct {
	prices []Price
	issues []Issue
}

const roomSize = 32

func (r *room) price(p Price) *Price {
	if len(r.prices) == cap(r.prices) {
		r.prices = make([]Price, 0, roomSize)
	}
	r.prices = append(r.prices, p)
	return &r.prices[len(r.prices)-1]
}

// some returns n issues to fill.
func (r *room) some(n int) []Issue {
	if n > roomSize/4 {
		return make([]Issue, n)
	}
	if cap(r.issues)-len(r.issues) < n {
		r.issues = make([]Issue, 0, roomSize)
	}
	from := len(r.issues)
	r.issues = r.issues[:from+n]
	return r.issues[from : from+n : from+n]
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

func (d *verdictDecoder) prices(it *Item) {
	for _, to := range [...]**Price{&it.Price, &it.SalePrice, &it.CostOfGoodsSold} {
		place := int(d.uint()) - 1
		if place < 0 {
			continue
		}
		amount := money.Micros(d.int())
		if place >= (len(currencies)+1)/4 {
			d.bad = true
			return
		}
		*to = d.room.price(Price{amount, currencies[4*place : 4*place+3]})
	}
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
		out[i] = Issue{Line: line, Attribute: d.string(), Rule: r.ID, Severity: r.Severity, Platform: r.Platform, Value: d.string(), Message: d.string(),
			Fix: r.Fix, Code: r.Code}
	}
	return out
}
