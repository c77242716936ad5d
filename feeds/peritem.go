package feeds

import (
	"cmp"
	"slices"
	"strings"

	"adsteward/internal/money"
)

// ItemTotal is what all campaigns of a platform spent on one item, and the item
// as the feeds have it.
type ItemTotal struct {
	Platform string
	ID       string // as the feeds write it; as the first line does where none has it
	Title    string
	Unfit    string // why it should not be advertised; "" where it is fit
	Price    money.Micros
	UnitCost *money.Micros
	Groups   []string // the product groups it belongs to on the platform; see Offer.Groups
	Lines    []ItemSpend
}

// PerItem joins spend to the items of the feeds, item by item and ordered by
// platform and id. A line without cost asks for its item all the same. Platforms
// that no feed is for are left out: of their items nothing can be said.
func PerItem(offers []Offer, spend []ItemSpend) []ItemTotal {
	j := newJoin(offers)
	at := map[[2]string]int{}
	var out []ItemTotal
	for _, s := range spend {
		if !j.covered[s.Platform] {
			continue
		}
		t := ItemTotal{Platform: s.Platform, ID: s.ItemID, Unfit: Missing}
		key := [2]string{s.Platform, "\x00" + strings.ToLower(s.ItemID)}
		if i, found := j.find(s.ItemID); found {
			o := &offers[i]
			t.ID, t.Title, t.Price, t.UnitCost, t.Unfit = o.ID, o.Title, o.Price, o.UnitCost, o.unfit(s.Platform)
			key[1] = o.ID
		}
		k, known := at[key]
		if !known {
			if i, found := j.find(s.ItemID); found && offers[i].On(s.Platform) {
				t.Groups = offers[i].Groups()
			}
			k = len(out)
			at[key], out = k, append(out, t)
		}
		if s.Cost > 0 {
			out[k].Lines = append(out[k].Lines, s)
		}
	}
	slices.SortFunc(out, func(a, b ItemTotal) int { return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.ID, b.ID)) })
	return out
}
