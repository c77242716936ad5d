package bidding

import (
	"fmt"
	"maps"
	"math"
	"slices"
)

// Worth is what one unit of platform-reported revenue of a campaign is worth in
// contribution margin: k = Margin * LTVMultiple * IncrementalShare (DESIGN: What
// a sale is worth). LTVMultiple is blended over customers: 1 - NewShare +
// NewShare * lambda, as a returning customer counts once.
type Worth struct {
	Margin           float64 `json:"margin"` // contribution margin rate of the revenue
	NewShare         float64 `json:"new_share"`
	Lambda           float64 `json:"lambda"` // lifetime over first-order margin of a new customer
	LTVMultiple      float64 `json:"ltv_multiple"`
	IncrementalShare float64 `json:"incremental_share"`  // iota
	Calibrated       bool    `json:"calibrated"`         // iota is from a lift experiment
	Audience         string  `json:"audience,omitempty"` // whose campaigns iota is believed of alike; "" where of this one alone
	// Standard errors as shares of Margin, LTVMultiple, Lambda and
	// IncrementalShare.
	MarginRelSD      float64 `json:"margin_rel_sd"`
	LTVRelSD         float64 `json:"ltv_rel_sd"`
	LambdaRelSD      float64 `json:"lambda_rel_sd"`
	IncrementalRelSD float64 `json:"incremental_rel_sd"`
	// RelSD is the standard error of k as a share of it: of ln k where the three
	// factors are independent and log-normal.
	RelSD float64 `json:"rel_sd"`
	// Orders is how many shop orders have the campaign's click last, and AverageOrder
	// their mean revenue, the shop's where there are none. The margin rests on those of
	// them that no other campaign had a part in.
	Orders       int     `json:"orders"`
	AverageOrder float64 `json:"average_order"`
	// MarginAssumed is set where the margin is mostly the configured default, since
	// there are no orders, or costs of few of their goods are known.
	MarginAssumed bool        `json:"margin_assumed,omitempty"`
	Parts         MarginParts `json:"margin_parts"`
	// Sources says where margin, lifetime and incremental share come from, one
	// sentence each.
	Sources []string `json:"sources"`
}

// K is what one reported unit of revenue is worth.
func (w Worth) K() float64 { return w.Margin * w.LTVMultiple * w.IncrementalShare }

// mostRelSD is where a standard error ceases to say more than "unknown".
const mostRelSD = 1

// Incremental is a campaign's incremental share as attribution or an experiment
// found it.
type Incremental struct {
	Share      float64
	RelSD      float64 // standard error as a share of Share
	Calibrated bool    // by a lift experiment
	Audience   string  // known, mixed or new: whom belief says the campaign speaks to
	Why        string  // how it was found
	// Caused is which part of the orders after its clicks its ads caused, and
	// CausedSD its standard error; 0 where that is not known, and all count.
	Caused, CausedSD float64
}

// ofCaused is a rate among the orders that a campaign's ads caused, with its
// variance, where own is that of all orders after its clicks, and other that of
// the shop's orders without a click: those it did not cause would have come anyway,
// and are taken for such. own is then a mixture, Caused x rate + (1 - Caused) x
// other, which is solved for rate; variances are to first order.
func (i Incremental) ofCaused(own, variance, other, otherVariance float64) (rate, of float64) {
	q := i.Caused
	if !(q > 0 && q < 1) {
		return own, variance
	}
	return (own - (1-q)*other) / q, (variance+square(1-q)*otherVariance)/(q*q) + square((own-other)/(q*q)*i.CausedSD)
}

// Lifetime is the lifetime over first-order margin of a new customer.
type Lifetime struct {
	Multiple float64 // 1: the first order is all there is
	RelSD    float64 // standard error as a share of Multiple
	Why      string  // one sentence, e.g. "BG/NBD on 4,210 customers"
}

// LifetimeOf is the lifetime multiple whose central 80 % is low to high.
func LifetimeOf(multiple, low, high float64, why string) Lifetime {
	l := Lifetime{Multiple: multiple, Why: why}
	if sd := (high - low) / (2 * z80); multiple > 0 && sd > 0 && !math.IsInf(sd, 0) {
		l.RelSD = min(sd/multiple, mostRelSD)
	}
	return l
}

// z80 is the standard normal quantile at 0.9: the central 80 % lie within so many
// standard deviations.
const z80 = 1.2815515655446004

// WorthInput is what turns margins into worths.
type WorthInput struct {
	// Incremental is by CampaignKey; a campaign it lacks counts in full.
	Incremental map[string]Incremental
	// Lambda is by CampaignKey; DefaultLambda serves the others (Multiple 1 where
	// the lifetime model refused).
	Lambda        map[string]Lifetime
	DefaultLambda Lifetime
	// Shared is by CampaignKey the revenue of its orders, each split over all ads
	// that were clicked before it; a campaign it lacks goes by the book.
	Shared map[string]SharedRevenue
}

// SharedRevenue is a campaign's part of the shop's orders, in currency units, and
// how much of it is of customers' first days.
type SharedRevenue struct{ Orders, Revenue, New float64 }

// Worths returns the worth of every campaign that has orders or an incremental
// share, and the shop-wide one for campaigns that have neither.
func (b *Book) Worths(in WorthInput) (byCampaign map[string]Worth, def Worth) {
	byCampaign = map[string]Worth{}
	again, newcomers := b.boughtAgain(in), b.newcomers(in)
	for c := range in.Incremental {
		byCampaign[c] = b.worth(in, c, again, newcomers)
	}
	for c := range b.by {
		byCampaign[c] = b.worth(in, c, again, newcomers)
	}
	return byCampaign, b.worth(in, "", again, newcomers)
}

// boughtAgain is the share of what known customers spend that ads caused again.
// A lifetime model counts these orders among those that a customer brings of
// itself, and they are those ads' own value too: each order is paid for once.
// Summed in the order of the names, so that it is the same every time.
func (b *Book) boughtAgain(in WorthInput) float64 {
	repeat := b.shop.revenue - b.shop.newRevenue
	if repeat <= 0 {
		return 0
	}
	var caused float64
	for _, c := range slices.Sorted(maps.Keys(b.by)) {
		if i, ok := in.Incremental[c]; ok && c != "" {
			caused += i.Share * (b.by[c].revenue - b.by[c].newRevenue)
		}
	}
	return min(max(caused/repeat, 0), 1)
}

func (b *Book) worth(in WorthInput, campaign string, again float64, n newcomers) Worth {
	var w Worth
	b.setMargin(&w, campaign, in.Incremental[campaign])
	b.setLifetime(&w, in, campaign, again, n)
	w.setIncremental(in, campaign)
	w.RelSD = math.Sqrt(square(w.MarginRelSD) + square(w.LTVRelSD) + square(w.IncrementalRelSD))
	return w
}

func (b *Book) setLifetime(w *Worth, in WorthInput, campaign string, again float64, n newcomers) {
	share, uncertain := n.of(campaign, in.Incremental[campaign].Audience)
	l, ok := in.Lambda[campaign]
	if !ok {
		l = in.DefaultLambda
	}
	w.NewShare, w.Lambda, w.LambdaRelSD = share, 1, 0
	if l.Multiple > 1 && !math.IsInf(l.Multiple, 0) {
		w.Lambda, w.LambdaRelSD = 1+(l.Multiple-1)*(1-again), min(max(l.RelSD, 0), mostRelSD)
	}
	w.LTVMultiple = 1 - share + share*w.Lambda
	variance := share*share*w.Lambda*w.Lambda*w.LambdaRelSD*w.LambdaRelSD + (w.Lambda-1)*(w.Lambda-1)*uncertain
	w.LTVRelSD = min(math.Sqrt(max(variance, 0))/w.LTVMultiple, mostRelSD)
	without, told := "", ""
	if q := in.Incremental[campaign].Caused; q > 0 && q < 1 && b.unasked.revenue > 0 {
		told = fmt.Sprintf(", once those that would have come anyway (about %.0f %% of the orders after its clicks) are taken to be like the shop's orders without a click", 100*(1-q))
	}
	if w.Lambda > 1 && again > 0 {
		without = fmt.Sprintf("; the %.0f %% of later orders that ads bring again are those ads' own and left out", 100*again)
	}
	w.Sources = append(w.Sources, fmt.Sprintf("A new customer brings %.2f times the first order's margin (%s%s); %.0f %% of the revenue is of new customers%s.",
		w.Lambda, l.Why, without, 100*share, told))
}

func (w *Worth) setIncremental(in WorthInput, campaign string) {
	i, ok := in.Incremental[campaign]
	if !ok {
		i = Incremental{Share: 1, Why: "nothing is known of it: every reported sale is taken as incremental"}
	}
	w.IncrementalShare, w.IncrementalRelSD, w.Calibrated = i.Share, i.RelSD, i.Calibrated
	if !i.Calibrated {
		w.Audience = i.Audience
	}
	label := "uncalibrated by experiment"
	if i.Calibrated {
		label = "by experiment"
	}
	w.Sources = append(w.Sources, fmt.Sprintf("Incremental share %.0f %%, %s: %s.", 100*i.Share, label, i.Why))
}

// interval is the central 80 % around a mean whose logarithm is normal with the
// given standard deviation.
func interval(mean, relSD float64) (low, high float64) {
	return mean * math.Exp(-z80*relSD-relSD*relSD/2), mean * math.Exp(z80*relSD-relSD*relSD/2)
}
