package attribution

import (
	"fmt"
	"math"
	"strings"

	"adsteward/internal/money"
)

// CampaignValue is what shop and platform each say of one campaign over the
// same days. Campaign is CampaignKey's form.
type CampaignValue struct {
	Campaign string
	Orders   int          // shop orders credited by LastClick
	Shop     money.Micros // their revenue
	Reported money.Micros // the value the platform reports, lag-corrected
}

// Share is a campaign's incremental share iota as far as attribution can tell:
// shop-attributed over platform-reported revenue. It tells claims that no order
// stands behind; it does not tell orders that would have come anyway.
type Share struct {
	CampaignValue
	Ratio float64 // the campaign's own Shop / Reported; 0 where nothing is reported
	// Iota is Ratio, leaning on the ratio of the platform's campaigns where the
	// claims are few, within 0.05 and 1.
	Iota float64
	// RelSD is the standard error of Iota as a share of it.
	RelSD float64
	// Compared is false where too few of the platform's claims could be held
	// against orders; Iota is then 1.
	Compared bool
	Why      string
}

const (
	// priorOrders is how many orders of its own weigh as much as the ratio of
	// the platform's campaigns.
	priorOrders = 25
	// minOrders is how many credited orders of a platform make a comparison.
	// Fewer mean that joining does not work there, not that it brings nothing.
	minOrders = 20
	minIota   = 0.05
	// orderSpread is the mean square of an order's value over the square of its
	// mean, for orders that vary by about two thirds of their mean.
	orderSpread = 1.4
)

// Shares computes each campaign's Share, in the order given. A campaign's own
// ratio weighs n / (n + 25), n the number of orders its claim would be at the
// mean value of an order, so that a large claim with no order behind it counts.
func Shares(values []CampaignValue) []Share {
	totals := map[string]CampaignValue{}
	for _, v := range values {
		if v.Reported > 0 {
			t := totals[platformOf(v)]
			t.Orders += v.Orders
			t.Shop += v.Shop
			t.Reported += v.Reported
			totals[platformOf(v)] = t
		}
	}
	out := make([]Share, len(values))
	for i, v := range values {
		out[i] = share(v, totals[platformOf(v)])
	}
	return out
}

func platformOf(v CampaignValue) string {
	p, _, _ := strings.Cut(v.Campaign, ":")
	return p
}

func share(v, total CampaignValue) Share {
	s := Share{CampaignValue: v, Iota: 1}
	if v.Reported > 0 {
		s.Ratio = v.Shop.Float() / v.Reported.Float()
	}
	if total.Orders < minOrders || total.Shop <= 0 {
		s.Why = fmt.Sprintf("%d of the platform's orders could be joined to clicks, and %d are needed: every reported sale is taken as incremental",
			total.Orders, minOrders)
		return s
	}
	s.Compared = true
	all := total.Shop.Float() / total.Reported.Float()
	claimed := v.Reported.Float() / (total.Shop.Float() / float64(total.Orders))
	w := claimed / (claimed + priorOrders)
	s.Iota = min(max(w*s.Ratio+(1-w)*all, minIota), 1)
	// The joined orders are counted, and of differing size.
	s.RelSD = math.Sqrt(orderSpread / float64(v.Orders+priorOrders))
	s.Why = fmt.Sprintf("%d of the shop's own orders hold %.0f %% of the reported value (last click)", v.Orders, 100*s.Ratio)
	return s
}
