package feeds

import (
	"bufio"
	"fmt"
	"io"
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

// Write writes a supplemental feed (TSV) that gives each item of the platform its
// tier: id, the five custom labels, of which the others stay empty, and on Google
// the cost of goods sold. Items whose cost is unknown are left out. It returns
// how many there are. The order is that of the ids, whatever that of the offers.
func (l Labels) Write(w io.Writer, platform, currency string, offers []Offer) (rows int, err error) {
	offers = slices.Clone(offers)
	slices.SortFunc(offers, func(a, b Offer) int { return strings.Compare(a.ID, b.ID) })
	b := bufio.NewWriter(w)
	head := "id\tcustom_label_0\tcustom_label_1\tcustom_label_2\tcustom_label_3\tcustom_label_4"
	if platform == "google" {
		head += "\tcost_of_goods_sold"
	}
	fmt.Fprintln(b, head)
	for _, o := range offers {
		label := l.Of(o)
		if label == "" || platform == "google" && !o.OnGoogle || platform == "meta" && !o.OnMeta || strings.ContainsAny(o.ID, "\t\r\n\"") {
			continue
		}
		rows++
		var slots [5]string
		slots[l.Slot] = label
		fmt.Fprintf(b, "%s\t%s", o.ID, strings.Join(slots[:], "\t"))
		if platform == "google" {
			fmt.Fprintf(b, "\t%s %s", strings.ReplaceAll(money.Plain(*o.UnitCost, currency), ",", ""), currency)
		}
		fmt.Fprintln(b)
	}
	return rows, b.Flush()
}
