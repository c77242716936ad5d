package feeds

import (
	"fmt"
	"strings"
	"unicode"
)

// What is remembered of all items, to compare them: hashes, in tables that stop
// growing. Together they take at most about 90 MB.
const (
	maxIDs    = 3_400_000
	maxOthers = 850_000
	maxLabels = 1000 // different values Google takes of a custom label
	manyItems = 1000 // from here on, a brand that never changes is odd
)

// traces are what one item leaves behind for comparing it with others.
type traces struct {
	id, gtin, group             uint64 // hashes; 0 is none
	variant, groupTitle         uint64
	brand, category             uint64
	labels                      [5]uint64
	tag                         uint16 // of the id as it is written
	fields                      uint8  // of variantFields
	idLine, gtinLine, groupLine int
}

// tracesOf is worked out beside other items' reading; across.item is not.
func tracesOf(r *record) (t traces) {
	if id := r.id(); id != "" {
		t.id, t.tag, t.idLine = hashText(1, foldID(id)), uint16(hashText(2, id)), r.line
		if c := r.find(aID); c != nil {
			t.idLine = c.line
		}
	}
	if c := r.find(aGTIN); c != nil && c.value != "" {
		t.gtin, t.gtinLine = hashText(3, c.value), c.line
	}
	if c := r.find(aItemGroupID); c != nil && c.value != "" {
		t.group, t.groupLine = hashText(1, foldID(c.value)), c.line
		t.fields = variantFields(r)
		t.variant = t.group
		for _, a := range variantAttrs {
			t.variant = hashText(t.variant+uint64(a), r.get(a))
		}
		t.variant = hashText(t.variant, r.get(aVariantValue))
		t.groupTitle = hashText(4, r.get(aItemGroupTitle))
	}
	t.brand, t.category = hashText(5, r.get(aBrand)), hashText(6, r.get(aCategory))
	for i := range t.labels {
		if v := r.get(aLabel0 + attrID(i)); v != "" {
			t.labels[i] = hashText(7, v)
		}
	}
	return t
}

// foldID is what ids are compared by: small letters, single spaces.
func foldID(id string) string {
	for i := range len(id) {
		if c := id[i]; c >= 'A' && c <= 'Z' || c <= ' ' || c >= 0x80 {
			return strings.Map(unicode.ToLower, strings.Join(strings.Fields(id), " "))
		}
	}
	return id
}

// across compares items with those before them.
type across struct {
	k                            *checker
	ids, gtins, groups, variants hashSet
	labels                       [5]map[uint64]bool
	last                         [5]uint64 // of labels, as it often comes again
	unchecked                    bool
	shards                       bool // lines are of several files
	waits                        bool // the tables wait for the first item whose findings are not known, see settle

	items           int
	brand, category constant
}

// constant follows a value that may be the same on all items.
type constant struct {
	first   uint64
	text    string
	changed bool
}

func (c *constant) see(hash uint64, first bool, text string) {
	if first {
		c.first, c.text = hash, text
	}
	c.changed = c.changed || hash != c.first
}

func newAcross(k *checker) *across {
	a := &across{k: k}
	a.ids.limit = maxIDs
	a.gtins.limit, a.groups.limit, a.variants.limit = maxOthers, maxOthers, maxOthers
	for i := range a.labels {
		a.labels[i] = map[uint64]bool{}
	}
	return a
}

// pass takes an item whose findings are known, and what they say of the file: it
// is put where items to come will be compared with it.
func (a *across) pass(it *Item, t *traces, file []Issue) {
	a.see(it, t)
	line, tag := uint32(it.Line), uint16(t.id>>16)
	if t.id != 0 {
		a.ids.later(t.id, t.tag, line)
	}
	if t.gtin != 0 {
		a.gtins.later(t.gtin, tag, line)
	}
	if t.group != 0 {
		a.variants.later(t.variant, tag, line)
		a.groups.later(t.group, 0, factsOf(t))
	}
	for i, l := range t.labels {
		a.label(i, l)
	}
	for i := range file {
		a.unchecked = a.unchecked || file[i].Rule == "id.unchecked"
	}
}

// settle makes the tables ready for items that have to be compared.
func (a *across) settle() {
	if !a.waits {
		return
	}
	a.waits = false
	for _, s := range []*hashSet{&a.ids, &a.gtins, &a.groups, &a.variants} {
		s.settle()
	}
}

// see notes what may be the same on all items.
func (a *across) see(it *Item, t *traces) {
	a.brand.see(t.brand, a.items == 0, it.Brand)
	a.category.see(t.category, a.items == 0, "")
	a.items++
}

// label notes a custom label, and tells whether it is the first that is too many.
func (a *across) label(i int, hash uint64) bool {
	if hash == 0 || hash == a.last[i] || len(a.labels[i]) > maxLabels {
		return false
	}
	a.last[i] = hash
	before := len(a.labels[i])
	a.labels[i][hash] = true
	return before == maxLabels && len(a.labels[i]) > maxLabels
}

// factsOf is what a group's items are compared by: 16 bits of its title's hash,
// and its variant attributes.
func factsOf(t *traces) uint32 { return 1<<31 | uint32(uint16(t.groupTitle))<<8 | uint32(t.fields) }

// item returns what is wrong with an item beside those before it, and what that
// says of the file.
func (a *across) item(it *Item, t *traces) (issues, file []Issue) {
	tell := func(rule string, line int, attribute, value, message string) {
		if issue, ok := a.k.tell(rule, line, attribute, value, message); ok {
			issues = append(issues, issue)
		}
	}
	a.see(it, t)
	if t.id != 0 {
		tag, first, full := a.ids.put(t.id, t.tag, uint32(it.Line))
		switch {
		case first != nil && tag == t.tag:
			tell("id.duplicate", t.idLine, "id", it.ID, fmt.Sprintf("id: came on line %d%s already; Google keeps one of the copies, Meta none", *first, a.ofWhich()))
		case first != nil:
			tell("id.case", t.idLine, "id", it.ID, fmt.Sprintf("id: differs from that of line %d%s in capitals or spaces only", *first, a.ofWhich()))
		case full && !a.unchecked:
			a.unchecked = true
			if issue, ok := a.k.tell("id.unchecked", it.Line, "id", "", fmt.Sprintf("id: from here on, ids are compared with the first %d only", maxIDs)); ok {
				file = append(file, issue)
			}
		}
	}
	if t.gtin != 0 {
		if tag, first, _ := a.gtins.put(t.gtin, uint16(t.id>>16), uint32(it.Line)); first != nil && tag != uint16(t.id>>16) {
			tell("gtin.duplicate", t.gtinLine, "gtin", "", fmt.Sprintf("gtin: the item of line %d%s has the same", *first, a.ofWhich()))
		}
	}
	if t.group != 0 {
		a.variantOf(it, t, tell)
	} else if t.id != 0 && a.groups.n > 0 && a.groups.get(t.id) != nil {
		tell("id.group", t.idLine, "id", it.ID, "id: is the item_group_id of other items")
	}
	for i, l := range t.labels {
		if !a.label(i, l) {
			continue
		}
		if issue, ok := a.k.tell("custom_label.values", it.Line, fmt.Sprintf("custom_label_%d", i), it.CustomLabels[i],
			fmt.Sprintf("custom_label_%d: has more than %d different values", i, maxLabels)); ok {
			file = append(file, issue)
		}
	}
	return issues, file
}

// ofWhich says where a line is, which of several files is not remembered.
func (a *across) ofWhich() string {
	if a.shards {
		return " of this or an earlier file"
	}
	return ""
}

// variantOf compares an item with the others of its group.
func (a *across) variantOf(it *Item, t *traces, tell func(rule string, line int, attribute, value, message string)) {
	if tag, first, _ := a.variants.put(t.variant, uint16(t.id>>16), uint32(it.Line)); first != nil && tag != uint16(t.id>>16) {
		tell("item_group_id.same", t.groupLine, "item_group_id", it.ItemGroupID,
			fmt.Sprintf("item_group_id: nothing tells the item from the variant of line %d%s", *first, a.ofWhich()))
	}
	facts := factsOf(t)
	_, first, _ := a.groups.put(t.group, 0, facts)
	if first == nil || *first == facts {
		return
	}
	if uint8(*first) != t.fields {
		tell("item_group_id.uneven", t.groupLine, "item_group_id", it.ItemGroupID, "item_group_id: has other variant attributes than the group's first item")
	}
	if (*first^facts)>>8 != 0 {
		tell("item_group_title.differs", t.groupLine, "item_group_title", "", "item_group_title: differs from that of the group's first item")
	}
}

// end tells what only all items together show.
func (a *across) end() (file []Issue) {
	if a.items < manyItems {
		return nil
	}
	for _, c := range []struct {
		constant
		name, rule string
		none       uint64
	}{{a.brand, "brand", "brand.constant", hashText(5, "")}, {a.category, "google_product_category", "google_product_category.constant", hashText(6, "")}} {
		if c.changed || c.first == c.none {
			continue
		}
		if issue, ok := a.k.tell(c.rule, 1, c.name, c.text, fmt.Sprintf("%s: is the same on all %d items", c.name, a.items)); ok {
			file = append(file, issue)
		}
	}
	return file
}
