package feeds

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"adsteward/internal/money"
)

// Tier is a class of contribution margin: items whose margin, as a share of the
// price in force, is below Below and not below that of the tier before. The last
// tier has no bound.
type Tier struct {
	Name  string
	Below float64
}

// Labels says which custom label names an item's margin tier, and the tiers from
// the lowest up.
type Labels struct {
	Slot  int // of custom_label_0 to custom_label_4
	Tiers []Tier
}

// DefaultLabels is what holds where nothing is configured.
func DefaultLabels() Labels {
	return Labels{Tiers: []Tier{{"low-margin", 0.2}, {"mid-margin", 0.4}, {Name: "high-margin"}}}
}

// maxLabel is how long a custom label may be, on both platforms.
const maxLabel = 100

// Check says in one sentence what is wrong with the labels, or nil.
func (l Labels) Check() error {
	switch {
	case l.Slot < 0 || l.Slot > 4:
		return fmt.Errorf("slot: %d is none of 0 to 4", l.Slot)
	case len(l.Tiers) == 0:
		return fmt.Errorf("tiers: is empty; name at least one tier")
	}
	for i, t := range l.Tiers {
		last := i == len(l.Tiers)-1
		switch {
		case t.Name == "" || len([]rune(t.Name)) > maxLabel || strings.ContainsAny(t.Name, "\t\r\n\"") || strings.TrimSpace(t.Name) != t.Name:
			return fmt.Errorf("tiers[%d].name: %q is no label; write 1 to %d characters on one line, without quotes", i, t.Name, maxLabel)
		case !last && !(t.Below > -10 && t.Below <= 1):
			return fmt.Errorf("tiers[%d].below: %v is no margin; write 20 %% as 0.2", i, t.Below)
		case last && t.Below != 0:
			return fmt.Errorf("tiers[%d].below: the last tier takes all that is above; leave it out", i)
		case !last && i > 0 && t.Below <= l.Tiers[i-1].Below:
			return fmt.Errorf("tiers[%d].below: %v is not above the tier before", i, t.Below)
		}
	}
	return nil
}

// Of is the tier of an item; "" where its cost or its price is unknown.
func (l Labels) Of(o Offer) string {
	if o.UnitCost == nil || o.Price <= 0 || len(l.Tiers) == 0 {
		return ""
	}
	margin := float64(o.Price-*o.UnitCost) / float64(o.Price)
	for _, t := range l.Tiers[:len(l.Tiers)-1] {
		if margin < t.Below {
			return t.Name
		}
	}
	return l.Tiers[len(l.Tiers)-1].Name
}

// Write writes a supplemental feed (TSV) for a platform: the id of each item, its
// margin tier in one of the five custom labels, of which the others stay empty, on
// Google the cost of goods sold, and, where there are any, what keeps the excluded
// items out of ads: on Google their excluded destinations, on Meta the status. A
// cell that is empty changes nothing of an item there. Items that are neither
// excluded nor of known cost are left out. It returns how many items have a tier,
// and which of the excluded cannot be written: their ids hold a tab, a line's end
// or a quotation mark. The order is that of the ids, whatever that of the offers.
func (l Labels) Write(w io.Writer, platform, currency string, offers []Offer, excluded []string) (rows int, unwritten []string, err error) {
	column, value := exclusionOn(platform)
	lines := map[string]*Offer{} // by id; nil: only excluded
	out := make(map[string]bool, len(excluded))
	for _, id := range excluded {
		if unfitForTSV(id) {
			unwritten = append(unwritten, id)
			continue
		}
		out[id], lines[id] = true, nil
	}
	for i := range offers {
		if o := &offers[i]; l.Of(*o) != "" && (platform == "google" && o.OnGoogle || platform == "meta" && o.OnMeta) && !unfitForTSV(o.ID) {
			lines[o.ID] = o
			rows++
		}
	}
	b := bufio.NewWriter(w)
	head := "id\tcustom_label_0\tcustom_label_1\tcustom_label_2\tcustom_label_3\tcustom_label_4"
	if platform == "google" {
		head += "\tcost_of_goods_sold"
	}
	if len(out) > 0 {
		head += "\t" + column
	}
	fmt.Fprintln(b, head)
	for _, id := range slices.Sorted(maps.Keys(lines)) {
		var slots [5]string
		cost := ""
		if o := lines[id]; o != nil {
			slots[l.Slot] = l.Of(*o)
			cost = strings.ReplaceAll(money.Plain(*o.UnitCost, currency), ",", "") + " " + currency
		}
		fmt.Fprintf(b, "%s\t%s", id, strings.Join(slots[:], "\t"))
		if platform == "google" {
			fmt.Fprintf(b, "\t%s", cost)
		}
		switch {
		case out[id]:
			fmt.Fprintf(b, "\t%s", value)
		case len(out) > 0:
			fmt.Fprint(b, "\t")
		}
		fmt.Fprintln(b)
	}
	return rows, unwritten, b.Flush()
}

// exclusionOn is the attribute that keeps an item out of a platform's ads, and its
// value. Google still lists the item for free; Meta shows what is archived nowhere
// (it has no attribute for ads alone).
func exclusionOn(platform string) (column, value string) {
	if platform == "meta" {
		return "status", "archived"
	}
	return "excluded_destination", "Shopping_ads,Display_ads"
}

func unfitForTSV(id string) bool { return id == "" || strings.ContainsAny(id, "\t\r\n\"") }
