package attribution

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"adsteward/internal/money"
)

// PathQuery says what is asked of a trail.
type PathQuery struct {
	By     string // channel or campaign
	Orders string // all, first or repeat: of customers' first days or of later ones
	Models []string
	Order  []int // of the Markov model
	Options
	Repetitions int // for intervals; 0: none
}

// DefaultPathHalfLife is of journeys with times, in days.
const DefaultPathHalfLife = 7

// mostLabels is how many campaigns are told apart: those with the most touches. The
// others of a channel count as one.
const mostLabels = 50

// PathReport is what the models make of the journeys in a store.
type PathReport struct {
	By     string `json:"by"`     // channel or campaign
	Orders string `json:"orders"` // all, first or repeat
	// Outcomes say of every order how it came to its journey; their orders sum to
	// all orders. The models see those clicked.
	Outcomes []OutcomeSum `json:"outcomes"`
	// Views are the orders that only ads seen came before, by the last one.
	Views  []ViewSum    `json:"view_through"`
	Models []PathResult `json:"models"`
	Totals              // of the journeys with a click; journeys includes those that led to nothing
	Margin float64      `json:"margin"` // contribution margin of the orders clicked
	Paths  []PathSum    `json:"paths"`  // the most frequent ones that led to an order, twenty at most
	Lags   []LagSum     `json:"lags"`   // from the first click to the order
}

// PathResult is a model's credit; its values are less refunds.
type PathResult struct {
	Result
	// Margins are the contribution margins that the model gives, by channel in the
	// order of Channels.
	Margins []float64 `json:"margins"`
}

// OutcomeSum is the orders of one outcome.
type OutcomeSum struct {
	Outcome Outcome      `json:"outcome"`
	Orders  int          `json:"orders"`
	Value   money.Micros `json:"value"`
	Margin  money.Micros `json:"margin"`
}

// ViewSum is the orders that ads of a channel were seen before, and not clicked.
type ViewSum struct {
	Channel string       `json:"channel"`
	Orders  int          `json:"orders"`
	Value   money.Micros `json:"value"`
}

// PathSum is a path of channels and what it led to. Channels that come again at
// once stand once.
type PathSum struct {
	Path   []string     `json:"path"`
	Orders int          `json:"orders"`
	Value  money.Micros `json:"value"`
}

// LagSum is how many orders came within so many days of the first click, and after
// more than the row before says.
type LagSum struct {
	Days   int     `json:"days"` // at most
	Orders int     `json:"orders"`
	Share  float64 `json:"share"`
}

// lagDays are the rows of LagSum; the last one is the longest window.
func lagDays() []int { return []int{0, 1, 3, 7, 14, 30} }

// reporter sums up journeys.
type reporter struct {
	q        PathQuery
	labels   []string // by source
	journeys *Journeys
	margins  *Journeys
	outcomes map[Outcome]*OutcomeSum
	views    map[string]*ViewSum
	paths    map[string]*PathSum
	lags     []int
	ids      []int32
	ages     []float64
	key      []byte
}

// Report computes the models over a settled trail.
func (t *Trail) Report(ctx context.Context, q PathQuery) (PathReport, error) {
	if q.HalfLife == 0 {
		q.HalfLife = DefaultPathHalfLife
	}
	q.Keep = q.Repetitions > 0
	if slices.Contains(q.Models, "markov") {
		q.Options.Order = slices.Max(append(slices.Clone(q.Order), 0))
	}
	q.Sets = slices.Contains(q.Models, "shapley_rate")
	if err := q.Validate(); err != nil {
		return PathReport{}, err
	}
	alone := q.Options
	alone.Keep = false
	r := &reporter{q: q, labels: t.labels(q.By), journeys: newJourneys(q.Options), margins: newJourneys(alone), outcomes: map[Outcome]*OutcomeSum{},
		views: map[string]*ViewSum{}, paths: map[string]*PathSum{}, lags: make([]int, len(lagDays()))}
	for _, o := range Outcomes() {
		r.outcomes[o] = &OutcomeSum{Outcome: o}
	}
	r.journeys.known(t.clicked(r.labels)) // by name, whichever came first
	lost := map[string]*lostPath{}
	t.walk(func(j *journey) {
		if j.order == nil {
			r.lose(j, lost)
		} else if q.Orders == "all" || q.Orders == "first" == j.order.New {
			r.add(j)
		}
	})
	// Journeys that led to nothing differ in their path alone.
	for _, key := range slices.Sorted(maps.Keys(lost)) {
		l := lost[key]
		r.count(l.path, nil, end{nulls: l.count}, 0)
	}
	r.journeys.rules.settle()
	r.margins.rules.settle()
	return r.report(ctx)
}

type lostPath struct {
	path  []int32
	count float64
}

// labels names each source as the report does.
func (t *Trail) labels(by string) []string {
	out := make([]string, len(t.sources))
	for i, s := range t.sources {
		out[i] = s.channel
	}
	if by != "campaign" {
		return out
	}
	touches := map[string]int{}
	for i, s := range t.sources {
		if key := CampaignKey(s.channel, s.campaign); key != "" {
			out[i] = key
		}
	}
	for _, v := range t.visits {
		touches[out[v.source]]++
	}
	names := slices.Sorted(maps.Keys(touches))
	slices.SortStableFunc(names, func(a, b string) int { return touches[b] - touches[a] })
	for i, s := range t.sources {
		if slices.Index(names, out[i]) >= mostLabels {
			out[i] = "other " + s.channel
		}
	}
	return out
}

// clicked are the labels under which there are clicks, sorted.
func (t *Trail) clicked(labels []string) []string {
	some := map[string]bool{}
	for _, v := range t.visits {
		if !v.view {
			some[labels[v.source]] = true
		}
	}
	return slices.Sorted(maps.Keys(some))
}

// path sets ids, ages and key to a journey's.
func (r *reporter) path(j *journey) {
	r.ids, r.ages, r.key = r.ids[:0], r.ages[:0], r.key[:0]
	for _, s := range j.steps {
		id := r.journeys.channel([]byte(r.labels[s.source]))
		r.ids = append(r.ids, id)
		if n := len(r.ids); n < 2 || r.ids[n-2] != id {
			r.key = append(r.key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
		}
		if j.order != nil {
			r.ages = append(r.ages, max(time.Duration(j.order.At.UnixMicro()-s.at)*time.Microsecond, 0).Hours()/24)
		}
	}
}

func (r *reporter) lose(j *journey, lost map[string]*lostPath) {
	r.path(j)
	key := make([]byte, 0, 4*len(r.ids))
	for _, id := range r.ids {
		key = append(key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
	}
	l := lost[string(key)]
	if l == nil {
		l = &lostPath{path: slices.Clone(r.ids)}
		lost[string(key)] = l
	}
	l.count++
}

// add counts the journey to an order.
func (r *reporter) add(j *journey) {
	o := j.order
	s := r.outcomes[j.outcome]
	s.Orders++
	s.Value += o.Value
	s.Margin += o.Margin
	switch j.outcome {
	case Viewed:
		label := r.labels[j.viewed]
		if r.views[label] == nil {
			r.views[label] = &ViewSum{Channel: label}
		}
		r.views[label].Orders++
		r.views[label].Value += o.Value
	case Clicked:
		r.path(j)
		r.count(r.ids, r.ages, end{conv: 1, value: o.Value.Float()}, o.Margin.Float())
		p := r.paths[string(r.key)]
		if p == nil {
			p = &PathSum{}
			for i, id := range r.ids {
				if i == 0 || r.ids[i-1] != id {
					p.Path = append(p.Path, r.journeys.names[id])
				}
			}
			r.paths[string(r.key)] = p
		}
		p.Orders++
		p.Value += o.Value
		days := lagDays()
		k := 0
		for k < len(days)-1 && r.ages[0] >= float64(days[k]+1) {
			k++
		}
		r.lags[k]++
	}
}

// count adds a path to the journeys by value and to those by margin.
func (r *reporter) count(path []int32, ages []float64, e end, margin float64) {
	r.journeys.add(path, ages, e)
	for i := len(r.margins.names); i < len(r.journeys.names); i++ {
		r.margins.channel([]byte(r.journeys.names[i]))
	}
	e.value = margin
	r.margins.add(path, ages, e)
}

// report asks the models.
func (r *reporter) report(ctx context.Context) (PathReport, error) {
	out := PathReport{By: r.q.By, Orders: r.q.Orders, Totals: r.journeys.Totals(), Margin: r.margins.Totals().Value, Models: []PathResult{}, Views: []ViewSum{}, Paths: []PathSum{}, Lags: []LagSum{}}
	for _, o := range Outcomes() {
		out.Outcomes = append(out.Outcomes, *r.outcomes[o])
	}
	var results []Result
	for _, model := range r.q.Models {
		orders := []int{0}
		if model == "markov" {
			orders = r.q.Order
		}
		for _, order := range orders {
			res, err := r.journeys.Attribute(ctx, model, order)
			if err != nil {
				return out, err
			}
			margins, err := r.margins.Attribute(ctx, model, order)
			if err != nil {
				return out, err
			}
			p := PathResult{Margins: make([]float64, len(res.Channels))}
			for i, c := range margins.Channels {
				p.Margins[i] = c.Value
			}
			results = append(results, res)
			out.Models = append(out.Models, p)
		}
	}
	if r.q.Repetitions > 0 && len(r.journeys.names) > 0 {
		if err := r.journeys.Intervals(ctx, results, r.q.Repetitions); err != nil {
			return out, err
		}
	}
	for i := range results {
		out.Models[i].Result = results[i]
	}
	for _, label := range slices.Sorted(maps.Keys(r.views)) {
		out.Views = append(out.Views, *r.views[label])
	}
	for _, key := range slices.Sorted(maps.Keys(r.paths)) {
		out.Paths = append(out.Paths, *r.paths[key])
	}
	slices.SortFunc(out.Paths, func(a, b PathSum) int {
		return cmp.Or(b.Orders-a.Orders, cmp.Compare(b.Value, a.Value), strings.Compare(strings.Join(a.Path, "\x00"), strings.Join(b.Path, "\x00")))
	})
	out.Paths = out.Paths[:min(len(out.Paths), 20)]
	for i, days := range lagDays() {
		l := LagSum{Days: days, Orders: r.lags[i]}
		if out.Conversions > 0 {
			l.Share = float64(l.Orders) / out.Conversions
		}
		out.Lags = append(out.Lags, l)
	}
	return out, nil
}
