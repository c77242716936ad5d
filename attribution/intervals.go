package attribution

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a channel's share of the total, and where it would lie in so many of
// hundred repetitions as IntervalLevel says, had other journeys of the same kind
// come.
type Interval struct {
	Share float64 `json:"share"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// IntervalLevel is the probability an Interval is made for.
const IntervalLevel = 0.9

// bootstrapSeed makes intervals repeatable.
const bootstrapSeed = 20240917

// Intervals adds to each result of j the intervals of its channels' shares, from so
// many repetitions: the Poisson bootstrap, in which each journey comes as often as a
// Poisson variate of mean 1 says (Hanley, MacGibbon 2006; Chamandy et al. 2012), so
// that rows and counts that stand for many journeys can be drawn apart from each
// other. A row that stands for many conversions is that many. The journeys must
// have been kept. Results with no total have none.
func (j *Journeys) Intervals(ctx context.Context, results []Result, repetitions int) error {
	if j.rows == nil {
		return errors.New("the journeys were counted without being kept, so nothing is known of how they vary")
	}
	shares := make([][]shareOf, repetitions) // by repetition, result and channel
	errs := make([]error, repetitions)
	var next atomic.Int32
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), repetitions) {
		wg.Go(func() {
			for {
				b := int(next.Add(1)) - 1
				if b >= repetitions {
					return
				}
				shares[b], errs[b] = j.again(ctx, results, uint64(b))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	at := 0
	for r := range results {
		for c := range results[r].Channels {
			credit := &results[r].Channels[c]
			credit.ConversionShare = interval(credit.Conversions, results[r].total(false), shares, at, false)
			credit.ValueShare = interval(credit.Value, results[r].total(true), shares, at, true)
			at++
		}
	}
	return nil
}

// shareOf is a channel's share of conversions and of value; NaN where there is none.
type shareOf struct{ conv, value float64 }

// total is what a result gives to all channels.
func (r *Result) total(value bool) float64 {
	var s sum
	for _, c := range r.Channels {
		if value {
			s.add(c.Value)
		} else {
			s.add(c.Conversions)
		}
	}
	return s.total()
}

// again draws the journeys once more and returns the channels' shares by each
// result's model, one result after the other.
func (j *Journeys) again(ctx context.Context, results []Result, repetition uint64) ([]shareOf, error) {
	o := j.rules.Options
	o.Keep = false
	drawn := newJourneys(o)
	drawn.known(j.names)
	src := rand.NewPCG(bootstrapSeed, repetition)
	rnd := rand.New(src)
	for i := range j.rows.ends {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		path, ages, e := j.rows.row(i)
		var d end
		switch conv := poisson(rnd, src, e.conv); {
		case e.conv > 0:
			d.conv, d.value = conv, e.value*conv/e.conv
		case e.value != 0:
			d.value = e.value * poisson(rnd, src, 1)
		}
		d.nulls = poisson(rnd, src, e.nulls)
		if d != (end{}) {
			drawn.add(path, ages, d)
		}
	}
	drawn.rules.settle()
	var out []shareOf
	for _, r := range results {
		order := 0
		if r.Order != nil {
			order = *r.Order
		}
		res, err := drawn.Attribute(ctx, r.Model, order)
		if err != nil {
			return nil, err
		}
		conv, value := res.total(false), res.total(true)
		for _, c := range res.Channels {
			out = append(out, shareOf{c.Conversions / conv, c.Value / value}) // NaN where all is 0
		}
	}
	return out, nil
}

// interval is a channel's share of a total with the quantiles of its drawn shares;
// nil where nothing is shared.
func interval(part, total float64, shares [][]shareOf, at int, value bool) *Interval {
	if total == 0 {
		return nil
	}
	drawn := make([]float64, 0, len(shares))
	for _, s := range shares {
		x := s[at].conv
		if value {
			x = s[at].value
		}
		if !math.IsNaN(x) && !math.IsInf(x, 0) {
			drawn = append(drawn, x)
		}
	}
	if len(drawn) < 2 {
		return nil
	}
	slices.Sort(drawn)
	q := func(p float64) float64 { // linear between the order statistics (type 7 of Hyndman, Fan 1996)
		h := p * float64(len(drawn)-1)
		i := min(int(h), len(drawn)-2)
		return drawn[i] + (h-float64(i))*(drawn[i+1]-drawn[i])
	}
	share := part / total
	return &Interval{Share: share, Low: min(q((1-IntervalLevel)/2), share), High: max(q((1+IntervalLevel)/2), share)}
}

// poisson draws a count of the mean: for small ones by inversion.
func poisson(rnd *rand.Rand, src rand.Source, mean float64) float64 {
	switch {
	case mean <= 0:
		return 0
	case mean > 10:
		return distuv.Poisson{Lambda: mean, Src: src}.Rand()
	}
	u, k := rnd.Float64(), 0.0
	for p := math.Exp(-mean); u >= p && p > 0; {
		u -= p
		k++
		p *= mean / k
	}
	return k
}
