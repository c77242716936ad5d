package response

import (
	"math"
	"slices"

	"adsteward/internal/civil"
)

// Horizon is the age in days from which a date counts as complete: the days
// that are pulled again each night.
const Horizon = 30

// priorDays is how much the prior counts: as much as this many average days
// followed from one age to the next.
const priorDays = 3

const (
	// mostGrowth bounds g: no age brings more than this part of what is then reported.
	mostGrowth = 0.95
	// mostLoss is the part of what is reported that an age takes away at most; more is
	// an account's mishap and not how it matures.
	mostLoss = 0.25
	// mostShare bounds F: a platform that takes back a third of all that it first
	// reports takes back more than shops get returned.
	mostShare = 1.5
)

// Increment is a change of the value a platform reports for one date: Delta was
// added at the pull of AsOf. The first pull of a date brings its whole value so
// far. Every date between a first and a last pull is taken to have been pulled
// whenever any was, so no row means no change.
type Increment struct {
	Date  civil.Date
	AsOf  civil.Date
	Delta float64 // currency
}

// Lag is how reported value matures.
type Lag struct {
	// Share[a] is F(a): the share of a day's final value that is reported when
	// a days have passed since the date, so Share[1] is what the night after
	// sees. Beyond the end everything has arrived. Where a platform takes orders
	// back later, F falls at those ages and lies above 1 before them.
	Share []float64 `json:"share"`
	// PriorWeight is the part of the development factors that still rests on
	// the prior rather than on this account's restatements, 0 to 1, on average
	// over the first seven ages.
	PriorWeight float64 `json:"prior_weight"`
}

// At returns F(age); 1 beyond the horizon, and F(0) for negative ages.
func (l Lag) At(age int) float64 {
	if age >= len(l.Share) {
		return 1
	}
	return l.Share[max(age, 0)]
}

// PriorLag is what is assumed before an account's own restatements are seen:
// half of a day's value is there the night after, and the rest comes in with a
// mean of four days. (One public data set has 50 % within 24 hours.)
func PriorLag() Lag {
	share := make([]float64, Horizon)
	full := 1 - 0.5*math.Exp(-float64(Horizon-1)/4)
	for a := range share {
		share[a] = (1 - 0.5*math.Exp(-float64(a-1)/4)) / full
	}
	share[0] = share[1] / 2
	return Lag{Share: share, PriorWeight: 1}
}

// FitLag estimates how the value of one platform matures by the chain ladder:
// g(a), the share of the value reported at age a that came at that age, is
// estimated over all dates seen at a and before, and F(a) is the product of
// 1 - g(b) over b > a. Each g leans on the prior's with the weight of three
// average days. Where several days lie between two pulls, what they brought is
// divided among the ages by the current estimate (three rounds of EM). Corrections
// downwards count as negative increments: where they outweigh what comes at an age,
// F falls there. It stays above 0 and at most mostShare.
func FitLag(increments []Increment, prior Lag) Lag {
	steps := developments(increments)
	lag := prior
	if len(steps) == 0 {
		return lag
	}
	var mean float64
	for _, s := range steps {
		mean += s.after
	}
	weight := priorDays * mean / float64(len(steps))
	if weight <= 0 {
		return lag
	}
	for range 3 {
		lag = refineLag(steps, prior, lag, weight)
	}
	return lag
}

// development is one date seen at two ages: what had been reported at each.
type development struct {
	from, to      int // ages
	before, after float64
}

func refineLag(steps []development, prior, lag Lag, weight float64) Lag {
	var came, had [Horizon + 1]float64
	for _, s := range steps {
		value := s.before
		for k, x := range s.divide(lag) {
			value += x
			came[s.from+1+k] += x
			had[s.from+1+k] += max(value, 0)
		}
	}
	out := Lag{Share: make([]float64, Horizon)}
	f := 1.0
	for a := Horizon; a >= 1; a-- {
		g := (came[a] + weight*(1-prior.At(a-1)/prior.At(a))) / (had[a] + weight)
		f = min(f*(1-min(max(g, -mostLoss), mostGrowth)), mostShare)
		out.Share[a-1] = f
		if a >= 2 && a <= 8 {
			out.PriorWeight += weight / (had[a] + weight) / 7
		}
	}
	return out
}

// divide divides what came between two pulls among the ages in between: what a day
// of its value is expected to bring at each, and the rest in proportion to the size of
// that. Where everything grows this is the proportion alone; where some ages take
// away, proportions would run off.
func (s development) divide(lag Lag) []float64 {
	out := make([]float64, s.to-s.from)
	grown, moved := lag.At(s.to)-lag.At(s.from), 0.0
	for k := range out {
		out[k] = lag.At(s.from+1+k) - lag.At(s.from+k)
		moved += math.Abs(out[k])
	}
	final := s.after / lag.At(s.to)
	rest := s.after - s.before - final*grown
	for k, d := range out {
		part := 1 / float64(len(out))
		if moved > 0 {
			part = math.Abs(d) / moved
		}
		out[k] = final*d + part*rest
	}
	return out
}

// developments pairs each date's pulls.
func developments(increments []Increment) []development {
	var pulls []civil.Date
	for _, x := range increments {
		pulls = append(pulls, x.AsOf)
	}
	slices.Sort(pulls)
	pulls = slices.Compact(pulls)
	rows := slices.Clone(increments)
	slices.SortFunc(rows, func(a, b Increment) int {
		if a.Date != b.Date {
			return int(a.Date - b.Date)
		}
		return int(a.AsOf - b.AsOf)
	})
	var out []development
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Date == rows[0].Date {
			n++
		}
		out = append(out, develop(rows[:n], pulls)...)
		rows = rows[n:]
	}
	return out
}

// develop follows one date through all pulls since its first.
func develop(rows []Increment, pulls []civil.Date) []development {
	date, first := rows[0].Date, rows[0].AsOf
	var out []development
	var value float64
	for k, from := 0, -1; k < len(pulls) && pulls[k].Sub(date) <= Horizon; k++ {
		if pulls[k] < first {
			continue
		}
		before := value
		for len(rows) > 0 && rows[0].AsOf <= pulls[k] {
			value += rows[0].Delta
			rows = rows[1:]
		}
		to := pulls[k].Sub(date)
		if from >= 0 && value > 0 {
			out = append(out, development{from: from, to: to, before: before, after: value})
		}
		from = to
	}
	return out
}
