package ltv

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"adsteward/internal/money"
)

// Economics is what winning a customer of a segment costs and brings, as
// contribution margin in the shop's currency. Fields are null where there is no
// such figure; the segment's Why says the reason.
type Economics struct {
	Margin  float64 `json:"margin"` // contribution margin rate of revenue
	LTV     float64 `json:"ltv"`    // first order and later ones, discounted, within the horizon
	LTVLow  float64 `json:"ltv_low"`
	LTVHigh float64 `json:"ltv_high"` // 80 % interval, of Lambda
	// Spend is of the days in which NewCustomers ordered first. A category or
	// country bears of each campaign's the share of its new customers.
	Spend *money.Micros `json:"spend"`
	CAC   *float64      `json:"cac"` // Spend / NewCustomers
	// LTVToCAC is LTV / CAC: on margin, 1 is where acquiring earns its cost back.
	LTVToCAC *float64 `json:"ltv_to_cac"`
	// PaybackDay is the first day at whose end a new customer's expected margin,
	// not discounted, has reached CAC: 0 with the first order.
	PaybackDay *int `json:"payback_day"`
}

// Acquisition is what a shop spent on winning customers, by campaign
// (platform:campaign_id), and what of revenue is left.
type Acquisition struct {
	Days          int // over which Spend and new customers are counted
	Currency      string
	Spend         map[string]money.Micros
	Foreign       map[string]bool // campaigns that spend another currency
	Margin        map[string]float64
	DefaultMargin float64 // where Margin has none
}

// Price adds what each segment's customers cost to win. A campaign that spent
// and won nobody gets a segment too.
func (g *Segmentation) Price(f *Fit, in Acquisition) {
	for c := range in.Spend {
		g.addCampaign(f, c)
	}
	for c := range in.Foreign {
		g.addCampaign(f, c)
	}
	slices.SortFunc(g.Segments, func(a, b Segment) int { return compareNodes(a.Node, b.Node) })
	for i := range g.Segments {
		s := &g.Segments[i]
		margin, ok := in.Margin[s.Campaign]
		if !ok || s.Campaign == "" {
			margin = in.DefaultMargin
		}
		spend, why := g.spend(s.Node, in)
		s.price(f, margin, spend, why, in)
	}
}

// addCampaign makes a segment of a campaign without customers.
func (g *Segmentation) addCampaign(f *Fit, campaign string) {
	n := Node{Level: ByCampaign, Platform: platformOf(campaign), Campaign: campaign}
	if _, known := g.Recent[n.Key()]; known || n.Platform == campaign {
		return
	}
	g.Recent[n.Key()] = 0
	l := f.LambdaOf(campaign)
	g.Segments = append(g.Segments, Segment{Node: n, FirstValue: f.FirstValue, Lambda: l, Why: []string{"No customers yet: " + l.Why + "."}})
}

// spend is what winning a node's new customers cost; nil with the reason.
func (g *Segmentation) spend(n Node, in Acquisition) (*money.Micros, string) {
	var of func(campaign string) (share float64)
	switch n.Level {
	case ByAll:
		of = func(string) float64 { return 1 }
	case ByPlatform:
		if n.Platform == "" {
			return nil, "no advertisement was clicked, so there is no cost to acquire them by"
		}
		of = func(c string) float64 { return indicator(platformOf(c) == n.Platform) }
	case ByCampaign:
		of = func(c string) float64 { return indicator(c == n.Campaign) }
	case ByCategory:
		of = func(c string) float64 {
			return g.shareOf(c, Node{Level: ByCampaignCategory, Platform: platformOf(c), Campaign: c, Category: n.Category})
		}
	case ByCountry:
		of = func(c string) float64 {
			return g.shareOf(c, Node{Level: ByCampaignCountry, Platform: platformOf(c), Campaign: c, Country: n.Country})
		}
	default:
		of = func(c string) float64 { return indicator(c == n.Campaign) * g.shareOf(c, n) }
	}
	for c := range in.Foreign {
		if of(c) > 0 {
			return nil, "a part was spent in another currency than " + in.Currency + ", and is not converted"
		}
	}
	var total money.Micros
	for c, spent := range in.Spend {
		total += money.Micros(math.Round(of(c) * float64(spent)))
	}
	if total <= 0 {
		return nil, fmt.Sprintf("nothing was spent in the last %d days", in.Days)
	}
	return &total, ""
}

func indicator(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// shareOf is a part's share of its campaign's new customers.
func (g *Segmentation) shareOf(campaign string, part Node) float64 {
	if whole := g.Recent[Node{Level: ByCampaign, Platform: part.Platform, Campaign: campaign}.Key()]; whole > 0 {
		return float64(g.Recent[part.Key()]) / float64(whole)
	}
	return 0
}

// price fills in the economics and their words.
func (s *Segment) price(f *Fit, margin float64, spend *money.Micros, unknown string, in Acquisition) {
	s.Margin = margin
	base := margin * s.FirstValue
	s.LTV, s.LTVLow, s.LTVHigh = base*s.Lambda.Value, base*s.Lambda.Low, base*s.Lambda.High
	s.Why = append(s.Why, fmt.Sprintf("Lifetime value %s: %.0f %% margin of a first order of %s, times %.2f.",
		amount(s.LTV, in.Currency), 100*margin, amount(s.FirstValue, in.Currency), s.Lambda.Value))
	if spend == nil {
		s.Why = append(s.Why, "No cost per customer: "+unknown+".")
		return
	}
	s.Spend = spend
	if s.NewCustomers == 0 {
		s.Why = append(s.Why, fmt.Sprintf("%s was spent in %d days and no new customer came: the cost per customer has no end.", money.Format(*spend, in.Currency), in.Days))
		return
	}
	cac := spend.Float() / float64(s.NewCustomers)
	ratio := s.LTV / cac
	s.CAC, s.LTVToCAC = &cac, &ratio
	s.Why = append(s.Why, fmt.Sprintf("%s spent in %d days for %s new customers: %s each.", money.Format(*spend, in.Currency), in.Days, thousands(s.NewCustomers), amount(cac, in.Currency)))
	s.PaybackDay = s.payback(f, cac)
	switch {
	case s.PaybackDay == nil:
		s.Why = append(s.Why, fmt.Sprintf("That is not earned back within the horizon of %d days.", f.Options.HorizonDays))
	case *s.PaybackDay == 0:
		s.Why = append(s.Why, "The first order earns it back.")
	default:
		s.Why = append(s.Why, fmt.Sprintf("It is earned back on day %d.", *s.PaybackDay))
	}
}

// amount writes a model's figure as money of a currency.
func amount(v float64, currency string) string {
	m, err := money.FromFloat(v)
	if err != nil {
		return fmt.Sprintf("%.4g %s", v, currency)
	}
	return money.Format(m, currency)
}

// payback is the first day on which the expected margin of a new customer, the
// first order and the model's curve of later ones, has reached cac.
func (s *Segment) payback(f *Fit, cac float64) *int {
	later := f.DefaultLambda() - 1
	theta := 1.0
	if later > 0 {
		theta = (s.Lambda.Value - 1) / later
	}
	fresh := f.Orders.NewCustomer()
	reached := func(day int) bool {
		return s.Margin*s.FirstValue*(1+theta*f.Spend.Mean/f.FirstValue*fresh.Orders(float64(day))) >= cac
	}
	day := sort.Search(f.Options.HorizonDays+1, reached)
	if day > f.Options.HorizonDays {
		return nil
	}
	return &day
}
