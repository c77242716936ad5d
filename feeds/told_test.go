package feeds

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// toldCases are feeds that break the rules which readers and comparisons across
// items tell of; "" is a rule that a test of its own breaks.
func toldCases(t *testing.T) map[string]string {
	one := rss(good("1"))
	in := func(changes string) string { return rss(with(good("1"), changes, "\x01")) }
	group := func(a, b string) string {
		return `<?xml version="1.0"?><rss xmlns:g="` + googleNS + `"><channel>` + itemOf(good("a"), "item_group_id=g|"+a) + itemOf(good("b"), "item_group_id=g|"+b) + "</channel></rss>"
	}
	many := func(n int, change func(i int, it map[string]string)) string {
		var items []map[string]string
		for i := range n {
			it := good(fmt.Sprint("i", i))
			change(i, it)
			items = append(items, it)
		}
		return rss(items...)
	}
	return map[string]string{
		"file.truncated":                   one[:len(one)-4],
		"file.encoding":                    strings.Replace(one, "1.0\"", "1.0\" encoding=\"klingon\"", 1),
		"file.namespace":                   strings.Replace(one, "xmlns:g", "xmlns:h", 1),
		"file.empty":                       rss(),
		"file.line meta":                   strings.ReplaceAll(strings.Replace(one, "</channel>", "<!--"+x(maxLine+blockSize)+"--></channel>", 1), "\n", ""),
		"file.declaration meta":            one[strings.Index(one, "<rss"):],
		"file.archive":                     zipped(t, false, "a.xml", one, "b.xml", one),
		"item.broken":                      strings.Replace(one, "</item>", "&nbsp;</item>", 1),
		"item.cells":                       table("\t", good("1")) + "short\trow\n",
		"attribute.unknown":                strings.Replace(one, "</item>", "<g:colours>red</g:colours></item>", 1),
		"attribute.twice":                  "id\ttitle\ttitle\n1\ta\tb\n",
		"text.control":                     strings.ReplaceAll(in("mpn"), "\x01", "A\u0086B"),
		"text.garbled":                     strings.ReplaceAll(in("title"), "\x01", "SchÃ¶n"),
		"id.duplicate":                     rss(good("1"), good("1")),
		"id.case":                          rss(with(good("1"), "id", "a"), with(good("2"), "id", "A")),
		"id.unchecked":                     "", // TestFullTables
		"id.group meta":                    group("id=a", "id=g|item_group_id="),
		"gtin.duplicate google":            rss(good("1"), with(good("2"), "gtin", gtinOf("1"))),
		"item_group_id.same google":        group("color=red", "color=red"),
		"item_group_id.uneven":             group("color=red", "size=M"),
		"item_group_title.differs google":  group("color=red|item_group_title=A", "color=blue|item_group_title=B"),
		"custom_label.values google":       many(1002, func(i int, it map[string]string) { it["custom_label_3"] = fmt.Sprint(i) }),
		"brand.constant":                   many(1000, func(int, map[string]string) {}),
		"google_product_category.constant": many(1000, func(_ int, it map[string]string) { it["google_product_category"] = "1604" }),
	}
}

// TestEveryToldRule has a feed that breaks each rule which no check of an item
// finds; the same feed in order breaks none of them.
func TestEveryToldRule(t *testing.T) {
	t.Parallel()
	cases := toldCases(t)
	for _, r := range Rules() {
		if r.check.f != nil || r.Needs != "" {
			continue
		}
		key := r.ID
		platforms := []string{"google", "meta"}
		if r.Platform != "both" {
			key, platforms = r.ID+" "+r.Platform, []string{r.Platform}
		}
		text, ok := cases[key]
		if !ok {
			t.Errorf("no case for %s", key)
		}
		for _, p := range platforms {
			if text == "" {
				continue
			}
			rep, err := Validate(strings.NewReader(text), Options{Platform: p}, nil)
			if err != nil || rep.ByRule[r.ID] == 0 {
				t.Errorf("%s is not found on %s: %+v %v", key, p, rep, err)
			}
			if _, _, found := run(t, rss(good("1"), good("2")), p); slices.ContainsFunc(found, func(f finding) bool { return f.Rule == r.ID }) {
				t.Errorf("%s is found where all is well", key)
			}
		}
		delete(cases, key)
	}
	if len(cases) > 0 {
		t.Errorf("cases of no rule: %d", len(cases))
	}
}

// TestFullTables: what is compared across items stops at a limit, and says so.
func TestFullTables(t *testing.T) {
	t.Parallel()
	a := newAcross(newChecker(Options{Platform: "google"}))
	a.ids.limit = 3
	var found []string
	for i := range 5 {
		tr := traces{id: hashText(1, fmt.Sprint(i)), tag: 1, idLine: i + 1}
		issues, file := a.item(&Item{Line: i + 1, ID: fmt.Sprint(i)}, &tr)
		for _, is := range append(issues, file...) {
			found = append(found, fmt.Sprint(is.Line, " ", is.Rule))
		}
	}
	if !slices.Equal(found, []string{"4 id.unchecked"}) {
		t.Errorf("%v", found)
	}
}
