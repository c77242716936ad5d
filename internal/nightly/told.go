package nightly

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"adsteward/audiences"
	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
)

// TellSettings say what one platform of a shop is told of its orders.
type TellSettings struct {
	Platform platform.Name
	Enabled  bool
	Target   string // conversion action or data set; "" where none is configured
	Rules    bidding.TellRules
}

// reach is the audiences stage: whom platforms are to reach, then what those who
// bought are worth.
func reach(ctx context.Context, n *night) (report, error) {
	lists, err := syncAudiences(ctx, n)
	if err != nil {
		return report{}, err
	}
	told, err := tellValues(ctx, n)
	if err != nil {
		return report{}, err
	}
	return report{Summary: lists.Summary + "; " + told.Summary, Partial: errors.Join(lists.Partial, told.Partial)}, nil
}

// toldModel is the kind under which a night keeps what it told, or would have.
const toldModel = "told"

// toldSample is how many orders of each platform a night keeps.
const toldSample = 8

// tellValues tells the platforms what orders are worth, and keeps what was told,
// or would be where telling is off, with the run.
func tellValues(ctx context.Context, n *night) (report, error) {
	if len(n.shop.Tell) == 0 {
		return report{Summary: "no platform to tell values"}, nil
	}
	if newer, err := n.newer(ctx); err != nil || !newer.IsZero() {
		return report{Summary: fmt.Sprintf("no value is told: the night of %s is newer", newer)}, err
	}
	unlock, err := n.Store.Lock(ctx, "told/"+n.shop.Name)
	if err != nil {
		return report{}, err
	}
	defer unlock()
	// As of now, not of the night: platforms take what is recent by their clocks.
	t, err := n.newTeller(ctx, n.shop, n.date, n.Now(), pushActor)
	if err != nil {
		return report{}, err
	}
	killed, err := n.Killed(ctx)
	if err != nil {
		return report{}, err
	}
	outs, fault, err := t.all(ctx, !killed)
	if err != nil {
		return report{}, err
	}
	var models modelSet
	var said []string
	for _, o := range outs {
		models.add(n.runID, toldModel, string(o.Platform), o.TellReport)
		if o.Enabled {
			said = append(said, fmt.Sprintf("%s %s", o.Platform, o.Counts()))
		}
	}
	summary := "values told: " + strings.Join(said, "; ")
	switch {
	case len(said) == 0:
		summary = "no value is told: conversions are not enabled"
	case killed:
		summary = "no value is told: the kill switch is on"
	}
	return report{Summary: summary, Partial: fault}, models.put(ctx, n.Store.Queries)
}

// ToldOutcome is what became of telling one platform: what there was to tell,
// and how many orders of it were taken, refused, or are without an answer.
type ToldOutcome struct {
	bidding.TellReport
	Recorded  int `json:"recorded"`
	Restated  int `json:"restated"`
	Retracted int `json:"retracted"`
	Refused   int `json:"refused"`
	Waiting   int `json:"waiting"` // not taken, or without an answer; sent again next time
}

// Counts says for people what was told.
func (o ToldOutcome) Counts() string {
	var parts []string
	for _, c := range []struct {
		n    int
		what string
	}{{o.Recorded, "new"}, {o.Restated, "corrected"}, {o.Retracted, "taken back"}, {o.Refused, "refused"}, {o.Waiting, "not taken yet"}} {
		if c.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	if len(parts) == 0 {
		return "nothing new"
	}
	return strings.Join(parts, ", ")
}

// PreviewValues says what would be told of an account's orders now, to one
// platform or, where none is named, to each; nothing is sent. Each report has at
// most so many orders; 0 is all.
func (s *Steward) PreviewValues(ctx context.Context, account string, only platform.Name, orders int) ([]bidding.TellReport, error) {
	t, err := s.tellerNow(ctx, account, "")
	if err != nil {
		return nil, err
	}
	var out []bidding.TellReport
	for _, set := range t.shop.Tell {
		if only != "" && set.Platform != only {
			continue
		}
		d, err := t.decide(ctx, set, orders)
		if err != nil {
			return nil, err
		}
		out = append(out, d.report)
	}
	return out, nil
}

// SendValues tells the platforms of an account what its orders are worth now.
// retry also tells what was refused before. fault is what a platform could not
// be told, while the others were.
func (s *Steward) SendValues(ctx context.Context, account, actor string, retry bool) (outs []ToldOutcome, fault, err error) {
	shop, err := s.Shop(account)
	if err != nil {
		return nil, nil, err
	}
	unlock, err := s.Store.Lock(ctx, "told/"+shop.Name)
	if err != nil {
		return nil, nil, err
	}
	defer unlock()
	t, err := s.tellerNow(ctx, account, actor)
	if err != nil {
		return nil, nil, err
	}
	if !slices.ContainsFunc(shop.Tell, func(set TellSettings) bool { return set.Enabled }) {
		return nil, nil, refused("no platform of account %s is told values: enable conversions under google or meta in the configuration", account)
	}
	on, err := s.Killed(ctx)
	if err == nil && on {
		err = refused("the kill switch is on; nothing is told until it is off")
	}
	if err != nil {
		return nil, nil, err
	}
	t.retry = retry
	return t.all(ctx, true)
}

func (s *Steward) tellerNow(ctx context.Context, account, actor string) (*teller, error) {
	shop, err := s.Shop(account)
	if err != nil {
		return nil, err
	}
	now := s.Now().In(shop.Location)
	return s.newTeller(ctx, shop, civil.Of(now), now, actor)
}

// teller decides as of one moment, on one night's models, what platforms are
// told of a shop's orders.
type teller struct {
	*Steward
	shop     *Shop
	now      time.Time // in the shop's zone
	actor    string
	retry    bool // tell also what was refused before
	worths   map[string]bidding.Worth
	consents audiences.Consents
}

func (s *Steward) newTeller(ctx context.Context, shop *Shop, date civil.Date, now time.Time, actor string) (*teller, error) {
	t := &teller{Steward: s, shop: shop, now: now.In(shop.Location), actor: actor}
	var err error
	if t.consents, err = s.consents(ctx, shop.Name); err != nil {
		return nil, err
	}
	t.worths, err = s.newestWorths(ctx, shop, date)
	return t, err
}

// all decides and, where send is set, sends to each platform for which telling is
// on. What one platform cannot be told does not hold up another.
func (t *teller) all(ctx context.Context, send bool) (outs []ToldOutcome, fault, err error) {
	apis := map[platform.Name]platform.Conversions{}
	var faults []error
	if send && slices.ContainsFunc(t.shop.Tell, func(set TellSettings) bool { return set.Enabled }) {
		conns, err := t.shop.Connect(ctx)
		defer t.closeAll(conns)
		faults = append(faults, err)
		for _, c := range conns {
			if c.Conversions != nil {
				apis[c.Conversions.Platform()] = c.Conversions
			}
		}
	}
	for _, set := range t.shop.Tell {
		set.Rules.RetryRefused = t.retry
		api := apis[set.Platform]
		if !set.Enabled {
			api = nil
		}
		if api != nil {
			faults = append(faults, t.followUp(ctx, api))
		}
		d, err := t.decide(ctx, set, toldSample)
		if err != nil {
			return nil, nil, err
		}
		out := ToldOutcome{TellReport: d.report}
		switch {
		case api != nil:
			faults = append(faults, t.send(ctx, api, set, d, &out), t.followUp(ctx, api))
		case set.Enabled && send: // what could not be opened is among the faults
			out.Waiting = len(d.todo)
		}
		outs = append(outs, out)
	}
	return outs, errors.Join(faults...), nil
}

// decision is what is to be told to one platform. Its report holds at most sample
// of the orders to be told (0: all), and the newest of each reason for telling
// nothing.
type decision struct {
	report bidding.TellReport
	sample int
	todo   []telling
	// over are those left without an answer that are not told again.
	over []store.ToldConversion
}

// telling is one order to be told.
type telling struct {
	conv platform.Conversion
	row  store.ToldConversion // as it is stored before anything is sent
	// fresh says that the platform cannot know of the order yet.
	fresh bool
}

// decide goes through the orders a platform may still be told of.
func (t *teller) decide(ctx context.Context, set TellSettings, sample int) (decision, error) {
	d := decision{sample: sample, report: bidding.TellReport{Platform: set.Platform, Enabled: set.Enabled, Target: set.Target, Measure: set.Rules.Measure,
		At: t.now, Steps: map[string]int{}, Skipped: map[string]int{}, Orders: []bidding.TellRow{}}}
	p, since := string(set.Platform), t.now.Add(-set.Rules.Limits.Oldest())
	before := map[string]store.ToldConversion{}
	err := t.Store.EachTold(ctx, t.shop.Name, p, since.AddDate(0, 0, -1), func(r store.ToldConversion) error {
		before[r.OrderID] = r
		return nil
	})
	if err != nil {
		return d, err
	}
	waiting, err := t.Store.Told(ctx, store.ToldFilter{Account: t.shop.Name, Platform: p, State: bidding.ToldPending})
	if err != nil {
		return d, err
	}
	seen := map[string]bool{} // of those waiting
	err = t.Store.EachOrderToTell(ctx, t.shop.Name, civil.Of(since), civil.Of(t.now), func(o store.OrderToTell) error {
		was := before[o.OrderID]
		conv, err := t.conversion(set.Platform, o)
		if err != nil {
			return err
		}
		tell := set.Rules.Decide(t.tellOrder(o, conv), bidding.Told{State: was.State, Step: platform.ConversionStep(was.Step), Value: was.Value,
			Held: was.Held, At: was.ToldAt}, t.now)
		d.note(o, tell)
		if tell.Step != "" {
			conv.Step, conv.Value = tell.Step, tell.Value
			d.todo = append(d.todo, t.item(conv, tell, o, was))
		}
		if was.State == bidding.ToldPending {
			seen[o.OrderID] = true
			if tell.Step == "" {
				d.giveUp(was, tell.Why, t.Now())
			}
		}
		return nil
	})
	for _, w := range waiting {
		if !seen[w.OrderID] {
			d.giveUp(w, "it is too old by now", t.Now())
		}
	}
	// Those to be told first, then an example of each reason not to; the newest
	// first in both.
	slices.SortStableFunc(d.report.Orders, func(a, b bidding.TellRow) int {
		return compareBool(a.Step == "", b.Step == "")
	})
	return d, err
}

// note enters an order into the report.
func (d *decision) note(o store.OrderToTell, tell bidding.Tell) {
	keep := false
	if tell.Step != "" {
		d.report.Steps[string(tell.Step)]++
		keep = d.sample == 0 || len(d.todo) < d.sample
	} else {
		d.report.Skipped[tell.Skip]++
		keep = d.report.Skipped[tell.Skip] == 1
	}
	if keep {
		d.report.Orders = append(d.report.Orders, bidding.TellRow{OrderID: o.OrderID, At: o.OrderedAt, Currency: o.Currency, Revenue: o.Revenue,
			Value: tell.Value, Step: string(tell.Step), Skip: tell.Skip, Why: tell.Why})
	}
}

// giveUp ends the waiting of an order that was sent without an answer.
func (d *decision) giveUp(was store.ToldConversion, why string, now time.Time) {
	was.State, was.Why, was.ToldAt = bidding.ToldRefused, "there was no answer, and it is not told again: "+why, now
	d.over = append(d.over, was)
}

// item is an order as decided, after what was told of it before.
func (t *teller) item(conv platform.Conversion, tell bidding.Tell, o store.OrderToTell, was store.ToldConversion) telling {
	row := store.ToldConversion{Account: t.shop.Name, OrderID: o.OrderID, OrderedAt: o.OrderedAt, State: bidding.ToldPending, Step: string(tell.Step),
		Value: tell.Value, Held: was.Held, Currency: o.Currency, Why: tell.Why, ToldAt: t.Now()}
	switch was.State {
	case bidding.ToldDone:
		row.Held = was.Value
	case bidding.ToldPending: // how long it may be sent again counts from the first time
		row.ToldAt = was.ToldAt
	}
	return telling{conv, row, tell.Step == platform.Record && was.State != bidding.ToldPending}
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func (t *teller) tellOrder(o store.OrderToTell, c platform.Conversion) bidding.TellOrder {
	w, ok := t.worths[o.Campaign]
	if !ok {
		w = t.worths[""]
	}
	return bidding.TellOrder{At: o.OrderedAt, Currency: o.Currency, Revenue: o.Revenue, Tax: o.Tax, Refunded: o.Refunded, First: o.First,
		Agreed: c.UserData, Matchable: c.ClickID != "" || c.EmailSHA256 != "" || c.PhoneSHA256 != "", Worth: w}
}

// conversion is an order in the platform's words, without what is told of it.
// The person's identifiers are left out where they did not agree.
func (t *teller) conversion(p platform.Name, o store.OrderToTell) (platform.Conversion, error) {
	person := audiences.Person{CustomerID: o.CustomerID, EmailKey: o.Customer.EmailKey}
	c := platform.Conversion{OrderID: o.OrderID, At: o.OrderedAt, Currency: o.Currency, NewCustomer: o.First}
	if c.UserData = t.consents.AllowsUserData(person); !c.UserData {
		return c, nil
	}
	c.Personalization = t.consents.AllowsPersonalization(person)
	c.ClickID, c.ClickKind = bidding.ClickOf(p, o.Campaign, o.Source, o.ClickID)
	c.Country = o.Customer.Country
	if c.Country == "" {
		c.Country = o.Country
	}
	m, _, err := member(p, audiences.Membership{Person: audiences.Person{Email: o.Customer.Email, Phone: o.Customer.Phone, Country: c.Country}})
	c.EmailSHA256, c.PhoneSHA256 = m.EmailSHA256, m.PhoneSHA256
	return c, err
}
