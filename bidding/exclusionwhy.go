package bidding

import (
	"fmt"
	"math"
	"strings"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

func (p *exclusionPlanner) whyExclude(it ItemFacts, e ItemEvidence, t ItemLine, loss itemLoss) []string {
	amount := func(f float64) string { return moneyText(f, p.in.Currency) }
	days := p.in.To.Sub(p.in.From) + 1
	var why []string
	cost := fmt.Sprintf("Its ads cost %s in %d days", amount(t.Spend), days)
	switch e.Reason {
	case ItemMissing:
		why = append(why, cost+", and it is in no feed.", "Whoever clicks may find a product that is not sold any more. If it should be advertised, put it back into the feed.")
		if it.Lower {
			why = append(why, "Google reports ids in lower case. If the item's id has capitals, this row will not be matched: remove the item in Merchant Center.")
		}
	case ItemErrors:
		what := "errors in the feed"
		if len(it.Faults) > 0 {
			what = "an error in the feed: " + it.Faults[0]
		}
		why = append(why, cost+", and it has "+what+".")
		if len(it.Faults) > 1 {
			why = append(why, "Also: "+strings.Join(it.Faults[1:], "; ")+".")
		}
		why = append(why, "To mend the feed is better; the page Feeds says how. Once it is mended, it is proposed to let the item in again.")
	case ItemBelowCost:
		why = append(why, cost+", and it is sold below what it costs.")
	case ItemLosing:
		why = append(why, fmt.Sprintf("%s and brought sales worth %s.", cost, amount(loss.sold)))
	}
	if e.Loss != nil {
		why = append(why, fmt.Sprintf("%d clicks led to %s sales; other items of its campaigns would have sold %s times. Sales still to be reported (about %.0f %%) and chance allowed for, its ads lose money with a probability of %.0f %%.",
			t.Clicks, salesCount(t.Conversions), salesCount(e.Due), 100*max(0, 1-e.Arrived), math.Floor(100*loss.probability)))
		why = append(why, "Sales count by their contribution margin, what their buyers go on to order, and the share that ads caused. The gain is what its ads lost a day; as far as budgets bind, other items get that money.")
	}
	if it.UnitCost != nil && it.Price > 0 {
		why = append(why, fmt.Sprintf("It sells for %s and costs %s.", money.Format(it.Price, p.in.Currency), money.Format(*it.UnitCost, p.in.Currency)))
	}
	return append(why, howExcluded(it.Platform, "it"))
}

// groupName names a product group for people: "Brand Acme, 12 items".
func groupName(k Key, items int) string {
	value := strings.TrimPrefix(k.ID, attribute(k)+"=")
	what := map[string]string{"item_group_id": "Item group", "product_type": "Product type", "brand": "Brand"}[attribute(k)]
	return what + " " + value + ", " + itemCount(items)
}

func itemCount(n int) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

func (p *exclusionPlanner) whyExcludeGroup(g *productGroup, t ItemLine) []string {
	amount := func(f float64) string { return moneyText(f, p.in.Currency) }
	days, e := p.in.To.Sub(p.in.From)+1, g.evidence
	cost := fmt.Sprintf("Ads for its %s cost %s in %d days", itemCount(e.Group.Items), amount(t.Spend), days)
	if e.Group.Shown < e.Group.Items {
		cost = fmt.Sprintf("Ads for %d of its %s cost %s in %d days", e.Group.Shown, itemCount(e.Group.Items), amount(t.Spend), days)
	}
	var why []string
	switch e.Reason {
	case ItemErrors:
		why = append(why, cost+", and each of these has errors in the feed.")
		if f := g.items[0].Faults; len(f) > 0 {
			why = append(why, fmt.Sprintf("%s has: %s.", g.items[0].name(), strings.Join(f, "; ")))
		}
		why = append(why, "To mend the feed is better; the page Feeds says how. Once half of them are mended, it is proposed to let the group in again.")
	case ItemBelowCost:
		why = append(why, cost+", and each of these is sold below what it costs.")
	case ItemLosing:
		why = append(why, fmt.Sprintf("%s and brought sales worth %s.", cost, amount(g.loss.sold)))
	}
	if e.Loss != nil {
		why = append(why, fmt.Sprintf("%d clicks led to %s sales; other items of their campaigns would have sold %s times. Sales still to be reported (about %.0f %%), chance, and how much such groups differ allowed for, the ads lose money with a probability of %.0f %%.",
			t.Clicks, salesCount(t.Conversions), salesCount(e.Due), 100*max(0, 1-e.Arrived), math.Floor(100*g.loss.probability)))
	}
	if e.Group.WithoutWorst != nil {
		why = append(why, fmt.Sprintf("Without %s, which lost most, it is %.0f %%. No item of it credibly pays.", e.Group.Worst, math.Floor(100**e.Group.WithoutWorst)))
	}
	if e.Loss != nil {
		why = append(why, "Sales count by their contribution margin, what their buyers go on to order, and the share that ads caused. The gain is what the ads lost a day; as far as budgets bind, other items get that money.")
	}
	return append(why, "Items that join the group later are kept out as well.", howExcluded(g.key.Platform, "each of its items"))
}

func (p *exclusionPlanner) whyLiftGroup(x InForce, fit, known int) []string {
	var why []string
	switch x.Lifts {
	case liftBack:
		why = append(why, fmt.Sprintf("What kept it out of ads is mended: of %s it was judged by, the feed has %d without errors.", itemCount(known), fit))
	case liftGone:
		why = append(why, "The feeds have no item of it any more, so that nothing is left to keep out.")
	case liftPays:
		why = append(why, "At the present prices and costs of its items, sales would pay for the ads.")
	case liftTrial:
		why = append(why, trialText(x)...)
	}
	return append(why, fmt.Sprintf("Out of ads since %s: the ads for its items had cost %s.", x.Since, moneyText(x.Spend, p.in.Currency)), howLifted)
}

// howExcluded says what applying does; what is "it", or each item of a group.
func howExcluded(name platform.Name, what string) string {
	if name == platform.Meta {
		return "Applying writes " + what + " into the supplemental feed as archived: Meta shows it no more, neither in ads nor in a shop on Facebook or Instagram."
	}
	return "Applying writes " + what + " into the supplemental feed with Shopping_ads and Display_ads as excluded destinations: Google advertises it no more, free listings stay."
}

func (p *exclusionPlanner) whyLift(x InForce, it ItemFacts) []string {
	var why []string
	switch x.Lifts {
	case liftBack:
		why = append(why, "What kept it out of ads is mended: the feed has it without errors.")
	case liftGone:
		why = append(why, "It is in no feed any more, so that nothing is left to keep out.")
	case liftPays:
		why = append(why, "At its present price and cost its sales would pay for its ads.")
		if it.UnitCost != nil && x.UnitCost != nil {
			why = append(why, fmt.Sprintf("It sells for %s and costs %s; when it was excluded it was %s and %s.", money.Format(it.Price, p.in.Currency), money.Format(*it.UnitCost, p.in.Currency),
				money.Format(x.Price, p.in.Currency), money.Format(*x.UnitCost, p.in.Currency)))
		}
	case liftTrial:
		why = append(why, trialText(x)...)
	}
	return append(why, fmt.Sprintf("Out of ads since %s: its ads had cost %s.", x.Since, moneyText(x.Spend, p.in.Currency)), howLifted)
}

const howLifted = "Applying leaves it out of the supplemental feed's exclusions; what your own feed says holds again."

func trialText(x InForce) []string {
	return []string{fmt.Sprintf("It has been out of ads since %s; what was known of it then may hold no more.", x.Since),
		"If its ads lose money again, it is proposed to be excluded again."}
}

func moneyText(f float64, currency string) string {
	m, err := money.FromFloat(f)
	if err != nil {
		return "an unknown amount of " + currency
	}
	return money.Format(m, currency)
}

// count writes a number of sales that may be fractional.
func salesCount(f float64) string {
	if f == math.Trunc(f) || f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.1f", f)
}
