package bidding

import (
	"fmt"
	"math"
	"strings"
	"time"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// Measure says what the value told of an order is made of.
type Measure string

const (
	// LifetimeRevenue is the order's revenue without tax and refunds, times the
	// lifetime multiple where it is the customer's first.
	LifetimeRevenue Measure = "lifetime_revenue"
	// LifetimeMargin is the contribution margin of the same.
	LifetimeMargin Measure = "lifetime_margin"
	// OrderRevenue and OrderMargin are of the order alone, for accounts whose value
	// rules or new-customer value already say what customers go on to bring.
	OrderRevenue Measure = "revenue"
	OrderMargin  Measure = "margin"
)

// Lifetime reports whether a customer's first order counts with what follows it.
func (m Measure) Lifetime() bool { return m == LifetimeRevenue || m == LifetimeMargin }

// Margin reports whether contribution margin is told and not revenue.
func (m Measure) Margin() bool { return m == LifetimeMargin || m == OrderMargin }

// TellRules say what one platform is told of orders, and when.
type TellRules struct {
	Measure Measure
	// Settle is how old an order must be: most cancellations come at once.
	Settle time.Duration
	// RestateShare is by how much of what the platform holds a value must differ
	// to be told anew; 0.05 is 5 %.
	RestateShare float64
	Limits       TellLimits
	// RetryRefused tells anew what the platform refused, as after a correction of
	// the configuration; else what was refused is not sent again unchanged.
	RetryRefused bool
}

// TellLimits are what a platform takes, as ages of the order.
type TellLimits struct {
	Record time.Duration // an older order is not taken
	// Restate is how long a value may be corrected or taken back; 0 never.
	Restate time.Duration
	// Repeat is for how long after it was first sent an order sent again is counted
	// once; 0 is always.
	Repeat time.Duration
}

// LimitsOf are a platform's limits: Google takes conversions of clicks up to 90
// days old and corrections for 55 days after the conversion, and keeps one for a
// transaction id; Meta takes events of the last 7 days, corrects none, and knows
// an event again for 48 hours. An hour of Meta's is left for the request.
func LimitsOf(p platform.Name) TellLimits {
	const day = 24 * time.Hour
	if p == platform.Google {
		return TellLimits{Record: 90 * day, Restate: 55 * day}
	}
	return TellLimits{Record: 7*day - time.Hour, Repeat: 47 * time.Hour}
}

// Oldest is the age from which nothing is told of an order any more.
func (l TellLimits) Oldest() time.Duration { return max(l.Record, l.Restate) }

// TellOrder is an order as far as telling its value goes.
type TellOrder struct {
	At       time.Time
	Currency string
	// Revenue is what the customer paid, tax included; Refunded what of it was
	// paid back.
	Revenue, Tax, Refunded money.Micros
	First                  bool // the customer's first order
	Agreed                 bool // the person agreed that ad platforms are sent user data
	Matchable              bool // the platform can know who it was: by a click of its own or an identifier
	Worth                  Worth
}

// States of what a platform was told of an order.
const (
	ToldPending   = "pending" // to be sent, or sent without an answer
	ToldDone      = "told"
	ToldRefused   = "refused"
	ToldRetracted = "retracted"
)

// Told is what a platform was told of an order so far; the zero value is nothing.
type Told struct {
	State string
	Step  platform.ConversionStep
	Value money.Micros // of that step
	// Held is what the platform is known to hold, whatever becomes of that step;
	// 0 is nothing.
	Held money.Micros
	At   time.Time // of that step; where it was sent several times, of the first
}

// Why nothing is told of an order, as a key; Tell.Why has the sentence.
const (
	SkipConsent   = "no_consent"
	SkipSettling  = "settling"
	SkipTooOld    = "too_old"
	SkipUnmatched = "nothing_to_match_by"
	SkipVoid      = "came_to_nothing"
	SkipWorthless = "earns_nothing"
	SkipSame      = "unchanged"
	SkipToday     = "told_today"
	SkipFinal     = "kept_as_first_told"
	SkipRetracted = "taken_back"
	SkipRefused   = "refused_before"
	SkipUnsure    = "perhaps_told"
)

// Tell is what is to be told of an order. Step is empty where nothing is, and
// Skip then names the reason.
type Tell struct {
	Step  platform.ConversionStep
	Skip  string
	Value money.Micros
	Why   string
}

// Void reports whether nothing of the order is left: cancelled, or refunded in
// full.
func (o TellOrder) Void() bool {
	return o.Revenue <= 0 || o.Revenue <= o.Refunded || o.Tax >= o.Revenue
}

// Value is what is told of the order, in its currency, and how it comes about.
// The revenue counts as (revenue - refunded) x (1 - tax / revenue): of what is
// paid back, the tax is paid back too. The margin is the campaign's rate of
// revenue - refunded. The lifetime measures multiply either by the lifetime
// multiple lambda of the order's campaign where it is the customer's first order.
func (r TellRules) Value(o TellOrder) (money.Micros, string) {
	if o.Void() {
		return 0, "nothing of it is left: it was cancelled or refunded in full"
	}
	kept := (o.Revenue - max(o.Refunded, 0)).Float()
	base, why := kept*(1-max(o.Tax, 0).Float()/o.Revenue.Float()), ""
	if r.Measure.Margin() {
		m := within(o.Worth.Margin, 0, 1)
		base = kept * m
		why = fmt.Sprintf("%s paid and kept x contribution margin %.1f %%", amount(kept, o.Currency), 100*m)
	} else {
		why = amount(base, o.Currency) + " " + netOf(o)
	}
	lambda := 1.0
	switch {
	case !r.Measure.Lifetime():
		why += ", of this order alone"
	case o.First:
		lambda = within(o.Worth.Lambda, 1, maxLambda)
		why += fmt.Sprintf(" x lifetime multiple %.2f, as it is the customer's first order", lambda)
	default:
		why += ", counted once, as the customer had ordered before"
	}
	v, err := money.FromFloat(base * lambda)
	if err != nil {
		return 0, "its value is beyond what can be told"
	}
	return v.RoundTo(money.MinorUnit(o.Currency)), why
}

// maxLambda bounds the multiple of a first order: beyond it a model has failed,
// and what a platform was told of a sale cannot always be unsaid.
const maxLambda = 100

// within holds f between low and high; what is no number is low.
func within(f, low, high float64) float64 {
	if math.IsNaN(f) {
		return low
	}
	return min(max(f, low), high)
}

func amount(f float64, currency string) string {
	m, err := money.FromFloat(f)
	if err != nil {
		return currency + " ?"
	}
	return money.Format(m, currency)
}

func netOf(o TellOrder) string {
	switch {
	case o.Tax > 0 && o.Refunded > 0:
		return "of revenue without tax and refunds"
	case o.Tax > 0:
		return "of revenue without tax"
	case o.Refunded > 0:
		return "of revenue without refunds"
	}
	return "of revenue"
}

// Decide says what is to be told of an order now, after what was told before.
// now is in the shop's zone, whose days count for telling an order once a day.
//
// Without consent nothing is told, not even that an order came to nothing: a
// withdrawn consent stops everything from then on. What was sent without an
// answer is sent again exactly as it was, for as long as the platform knows it
// again, and corrected a day later.
func (r TellRules) Decide(o TellOrder, before Told, now time.Time) Tell {
	value, why := r.Value(o)
	t := Tell{Value: value, Why: why}
	switch {
	case !o.Agreed:
		return t.skip(SkipConsent, "the person has not agreed that data about them goes to ad platforms, or has withdrawn it")
	case before.State == ToldRetracted:
		return t.skip(SkipRetracted, "it was taken back; a conversion taken back does not return")
	case before.State == "", before.State == ToldRefused && before.Held == 0 && before.Step == platform.Record,
		before.State == ToldPending && before.Step == platform.Record && !o.Void():
		return r.record(o, before, t, now)
	}
	return r.correct(o, before, t, now)
}

// record tells the platform of an order it does not know yet, as far as is sure.
func (r TellRules) record(o TellOrder, before Told, t Tell, now time.Time) Tell {
	age := now.Sub(o.At)
	switch {
	case before.State == ToldRefused && !r.RetryRefused:
		return t.skip(SkipRefused, "the platform refused it, and would again")
	case o.Void():
		return t.skip(SkipVoid, t.Why)
	case age < r.Settle:
		return t.skip(SkipSettling, fmt.Sprintf("orders are told once they are %g hours old, since some are cancelled at once", r.Settle.Hours()))
	case age > r.Limits.Record:
		return t.skip(SkipTooOld, fmt.Sprintf("the platform takes orders of the last %s", wholeDays(r.Limits.Record)))
	case !o.Matchable:
		return t.skip(SkipUnmatched, "it has no click of this platform, and the customer has neither e-mail nor phone")
	case before.State == ToldPending && r.Limits.Repeat > 0 && now.Sub(before.At) > r.Limits.Repeat:
		return t.skip(SkipUnsure, "it was sent without an answer, so long ago that the platform would count it twice")
	case before.State == ToldPending:
		return again(before)
	case t.Value <= 0:
		return t.skip(SkipWorthless, t.Why)
	}
	t.Step = platform.Record
	return t
}

// correct changes or takes back what the platform holds.
func (r TellRules) correct(o TellOrder, before Told, t Tell, now time.Time) Tell {
	refused := before.State == ToldRefused && r.near(t.Value, before.Value) && !r.RetryRefused
	held := before.Held
	if before.State == ToldDone {
		held = before.Value // accepted, though perhaps still being processed
	}
	switch {
	case refused:
		return t.skip(SkipRefused, "the platform refused this correction, and would again")
	case !o.Void() && t.Value <= 0:
		return t.skip(SkipWorthless, t.Why)
	case !o.Void() && before.State != ToldPending && r.near(t.Value, held):
		return t.skip(SkipSame, fmt.Sprintf("the platform holds %s, within %.4g %% of it", money.Format(held, o.Currency), 100*r.RestateShare))
	case r.Limits.Restate == 0:
		return t.skip(SkipFinal, "its value has changed, and the platform keeps what it was told first")
	case now.Sub(o.At) > r.Limits.Restate:
		return t.skip(SkipTooOld, fmt.Sprintf("its value has changed, and the platform takes corrections for %s", wholeDays(r.Limits.Restate)))
	case o.Void():
		t.Step, t.Value = platform.Retract, 0
		return t
	case before.State == ToldPending:
		return again(before)
	case sameDay(before.At, now):
		return t.skip(SkipToday, "an order's value is told once a day at most")
	}
	t.Step = platform.Restate
	t.Why += fmt.Sprintf("; the platform holds %s", money.Format(held, o.Currency))
	return t
}

func (t Tell) skip(key, why string) Tell {
	return Tell{Skip: key, Value: t.Value, Why: why}
}

func again(before Told) Tell {
	return Tell{Step: before.Step, Value: before.Value, Why: "sent before without an answer; sending the same again does no harm"}
}

// near reports whether a is within the share of b that is not worth telling.
func (r TellRules) near(a, b money.Micros) bool {
	return math.Abs((a - b).Float()) <= r.RestateShare*b.Float()
}

func sameDay(a, b time.Time) bool {
	a = a.In(b.Location())
	return a.YearDay() == b.YearDay() && a.Year() == b.Year()
}

func wholeDays(d time.Duration) string { return fmt.Sprintf("%.0f days", d.Hours()/24) }

// ClickOf returns the order's click as the platform names it, and of which kind
// it is; empty where the click is not known to be that platform's. The campaign
// the order was joined to says whose it is, else the order's source.
func ClickOf(p platform.Name, campaign, source, click string) (id, kind string) {
	if click == "" {
		return "", ""
	}
	if strings.HasPrefix(click, "fb.") { // the browser cookie's form: fb.1.time.fbclid
		if p == platform.Meta {
			return click, "fbc"
		}
		return "", ""
	}
	of, _, _ := strings.Cut(campaign, ":")
	if of == "" {
		of = strings.ToLower(source)
	}
	switch {
	case p == platform.Google && of == "google":
		return click, "gclid"
	case p == platform.Meta && (of == "meta" || of == "facebook" || of == "instagram"):
		return click, "fbclid"
	}
	return "", ""
}

// TellReport is what would be, or was, told to one platform as of a moment: how
// many orders there are of each step and of each reason for telling nothing, and
// the newest of the first. It holds nothing personal.
type TellReport struct {
	Platform platform.Name  `json:"platform"`
	Enabled  bool           `json:"enabled"`
	Target   string         `json:"target"` // conversion action or data set; "" where none is configured
	Measure  Measure        `json:"measure"`
	At       time.Time      `json:"at"`
	Steps    map[string]int `json:"steps"`
	Skipped  map[string]int `json:"skipped"`
	Orders   []TellRow      `json:"orders"`
}

// TellRow is one order of a TellReport. Step is empty where nothing is told.
type TellRow struct {
	OrderID  string       `json:"order_id"`
	At       time.Time    `json:"at"`
	Currency string       `json:"currency"`
	Revenue  money.Micros `json:"revenue"`
	Value    money.Micros `json:"value"`
	Step     string       `json:"step"`
	Skip     string       `json:"skip,omitempty"`
	Why      string       `json:"why"`
}
