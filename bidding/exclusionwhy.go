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
			t.Clicks, salesCount(t.Conversions), salesCount(e.Due), 100*(1-e.Arrived), math.Floor(100*loss.probability)))
		why = append(why, "Sales count by their contribution margin, what their buyers go on to order, and the share that ads caused. The gain is what its ads lost a day; as far as budgets bind, other items get that money.")
	}
	if it.UnitCost != nil && it.Price > 0 {
		why = append(why, fmt.Sprintf("It sells for %s and costs %s.", money.Format(it.Price, p.in.Currency), money.Format(*it.UnitCost, p.in.Currency)))
	}
	return append(why, howExcluded(it.Platform))
}

// howExcluded says what applying does.
func howExcluded(name platform.Name) string {
	if name == platform.Meta {
		return "Applying writes it into the supplemental feed as archived: Meta shows it no more, neither in ads nor in a shop on Facebook or Instagram."
	}
	return "Applying writes it into the supplemental feed with Shopping_ads and Display_ads as excluded destinations: Google advertises it no more, free listings stay."
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
		why = append(why, fmt.Sprintf("It has been out of ads since %s; what was known of it then may hold no more.", x.Since),
			"If its ads lose money again, it is proposed to be excluded again.")
	}
	return append(why, fmt.Sprintf("Out of ads since %s: its ads had cost %s.", x.Since, moneyText(x.Spend, p.in.Currency)),
		"Applying leaves it out of the supplemental feed's exclusions; what your own feed says holds again.")
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
