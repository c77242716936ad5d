// Package attribution says which touch earned an order: clicks joined to the
// shop's own orders, and the rule-based and data-driven models over paths.
// Data in, decisions out: no SQL, no HTTP, no clock. What it computes is credit,
// not proof of incrementality; only experiments give that.
package attribution

import (
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"

	"adsteward/internal/money"
)

// DefaultWindow is how long before an order a touch still counts.
const DefaultWindow = 30 * 24 * time.Hour

// Touch is one contact of a person with an advertisement.
type Touch struct {
	CustomerID string
	At         time.Time
	Channel    string
	Campaign   string
	ClickID    string
}

// Order is a shop order.
type Order struct {
	OrderID    string
	CustomerID string
	At         time.Time
	ClickID    string
	Revenue    money.Micros // less refunds
}

// Match says what an order is credited to.
type Match struct {
	Order Order
	// Campaign is the touch's, as CampaignKey writes it; "" where no touch was
	// found or where it was none of an ad platform's.
	Campaign string
	By       By
	// Credits split the order evenly over its touches of ad platforms: the one
	// with its click id and its customer's inside the window. The shares add up
	// to 1; nil where there is none.
	Credits []Part
	// Path is the newest of those touches and of the other channels', maxPath at
	// most, in order of time: the campaign, as CampaignKey writes it, or the channel
	// where that is none of an ad platform's. It is valid until yield returns.
	Path []string
	// Touches counts them all. FirstAd and LastAd are when the first and the last
	// touch of an ad platform were, to the second; zero where there was none.
	Touches         int
	FirstAd, LastAd time.Time
}

// Part is the share of an order that is one campaign's.
type Part struct {
	Campaign string // CampaignKey's form
	Share    float64
	ByClick  bool // a touch of it has the order's click id
}

// maxPath is how many touches of an order are kept in their order.
const maxPath = 12

// By says how a match was found; "" where none was.
type By string

const (
	ByClick By = "click id"   // the order's click id is the touch's
	ByTouch By = "last touch" // the customer's last touch inside the window
)

// Counts sums up a join.
type Counts struct {
	Orders, ByClick, ByTouch, Unmatched int
}

// CampaignKey names a campaign as orders carry it: "google:123", "meta:456"; ""
// where the channel is no ad platform's or there is no campaign.
func CampaignKey(channel, campaign string) string {
	words := strings.FieldsFunc(strings.ToLower(channel), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 || campaign == "" {
		return ""
	}
	for _, w := range words {
		if w == "organic" || w == "referral" {
			return ""
		}
	}
	switch words[0] {
	case "google", "googleads", "adwords":
		return "google:" + campaign
	case "meta", "metaads", "facebook", "facebookads", "fb", "instagram", "ig":
		return "meta:" + campaign
	}
	return ""
}

// Join looks for the touches that led to each order. The order's campaign is
// that of the last click: the last touch with its click id, else its customer's
// last touch within DefaultWindow before it, else none. Credit is shared besides by all
// touches alike, since the last one has only closed what others may have begun.
// Touches after an order do not count. The sequences may come in any order;
// of touches that are equally late, the one that comes later counts. The orders
// are held in memory, with the campaigns that touched each and when, and the
// touches are not. Matches come in the order of the orders. It stops at the first error of a
// sequence or of yield.
func Join(orders iter.Seq2[Order, error], touches iter.Seq2[Touch, error], yield func(Match) error) (Counts, error) {
	var c Counts
	var open []openOrder
	byCustomer, byClick := map[string][]int{}, map[string][]int{}
	names := nameList{at: map[string]int32{}}
	keys := map[[2]string]string{} // by channel and campaign, of which there are few
	for o, err := range orders {
		if err != nil {
			return c, err
		}
		if o.CustomerID != "" {
			byCustomer[o.CustomerID] = append(byCustomer[o.CustomerID], len(open))
		}
		if o.ClickID != "" {
			byClick[o.ClickID] = append(byClick[o.ClickID], len(open))
		}
		open = append(open, openOrder{order: o})
	}
	for t, err := range touches {
		if err != nil {
			return c, err
		}
		key, known := keys[[2]string{t.Channel, t.Campaign}]
		if !known {
			key = CampaignKey(t.Channel, t.Campaign)
			keys[[2]string{t.Channel, t.Campaign}] = key
		}
		if t.ClickID != "" {
			for _, i := range byClick[t.ClickID] {
				open[i].click.offer(t.At, open[i].order.At, key)
				open[i].note(&names, t, key, true)
			}
		}
		if t.CustomerID != "" {
			for _, i := range byCustomer[t.CustomerID] {
				if open[i].order.At.Sub(t.At) > DefaultWindow {
					continue
				}
				open[i].touch.offer(t.At, open[i].order.At, key)
				if t.ClickID == "" || t.ClickID != open[i].order.ClickID { // else it has its share
					open[i].note(&names, t, key, false)
				}
			}
		}
	}
	var path []string
	for i := range open {
		m := open[i].match()
		path = names.steps(path[:0], open[i].path)
		m.Path = path
		c.count(m.By)
		if err := yield(m); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *Counts) count(by By) {
	c.Orders++
	switch by {
	case ByClick:
		c.ByClick++
	case ByTouch:
		c.ByTouch++
	default:
		c.Unmatched++
	}
}

// openOrder is an order whose touches are being looked for.
type openOrder struct {
	order           Order
	click, touch    candidate
	credits         []Part // Share counts touches
	path            []openStep
	touches         int
	firstAd, lastAd int64 // Unix seconds; 0: none
}

// openStep is a touch in sixteen bytes: there are as many as touches.
type openStep struct {
	at   int64 // Unix seconds
	name int32 // of a nameList
}

// nameList numbers names.
type nameList struct {
	names []string
	at    map[string]int32
}

func (l *nameList) number(name string) int32 {
	i, ok := l.at[name]
	if !ok {
		i = int32(len(l.names))
		l.names, l.at[name] = append(l.names, name), i
	}
	return i
}

func (l *nameList) steps(into []string, path []openStep) []string {
	for _, s := range path {
		into = append(into, l.names[s.name])
	}
	return into
}

// note takes a touch into the order's credits and path.
func (o *openOrder) note(names *nameList, t Touch, campaign string, byClick bool) {
	if t.At.After(o.order.At) {
		return
	}
	o.touches++
	step := openStep{at: t.At.Unix()}
	if campaign == "" {
		step.name = names.number(strings.ToLower(strings.TrimSpace(t.Channel)))
	} else {
		step.name = names.number(campaign)
		o.share(names.names[step.name], byClick)
		if o.firstAd == 0 || step.at < o.firstAd {
			o.firstAd = step.at
		}
		o.lastAd = max(o.lastAd, step.at)
	}
	i := len(o.path)
	for i > 0 && o.path[i-1].at > step.at {
		i--
	}
	o.path = slices.Insert(o.path, i, step)
	if len(o.path) > maxPath {
		o.path = slices.Delete(o.path, 0, 1)
	}
}

// share counts a touch of an ad platform's.
func (o *openOrder) share(campaign string, byClick bool) {
	for i := range o.credits {
		if c := &o.credits[i]; c.Campaign == campaign {
			c.Share++
			c.ByClick = c.ByClick || byClick
			return
		}
	}
	o.credits = append(o.credits, Part{campaign, 1, byClick})
}

func (o *openOrder) match() Match {
	m := Match{Order: o.order, Credits: o.credits, Touches: o.touches}
	switch {
	case o.click.found:
		m.Campaign, m.By = o.click.campaign, ByClick
	case o.touch.found:
		m.Campaign, m.By = o.touch.campaign, ByTouch
	}
	if len(m.Credits) > 0 {
		m.FirstAd, m.LastAd = time.Unix(o.firstAd, 0).UTC(), time.Unix(o.lastAd, 0).UTC()
	}
	var touches float64
	for _, c := range m.Credits {
		touches += c.Share
	}
	for i := range m.Credits {
		m.Credits[i].Share /= touches
	}
	return m
}

// candidate is the latest touch so far.
type candidate struct {
	found    bool
	at       time.Time
	campaign string
}

func (c *candidate) offer(at, order time.Time, campaign string) {
	if at.After(order) || c.found && at.Before(c.at) {
		return
	}
	*c = candidate{true, at, campaign}
}
