package attribution

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// The level of an experiment's interval, and how surely it should show an effect
// of the least size it can detect.
const (
	ExperimentLevel = 0.9
	ExperimentPower = 0.8
)

// MinimumDetectable is the least effect an experiment shows, by an interval of
// ExperimentLevel, with a probability of ExperimentPower, and how far that interval
// reaches to either side. sd is the standard error of its estimate, known from so
// many degrees of freedom; 0 stands for many.
func MinimumDetectable(sd float64, df int) (effect, within float64) {
	q := distuv.UnitNormal.Quantile
	if df > 0 {
		q = distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(df)}.Quantile
	}
	within = sd * q((1+ExperimentLevel)/2)
	return within + sd*q(ExperimentPower), within
}

// PairSD is how much the mean of one block of days differs from that of the next,
// as a standard deviation, where nothing is varied. The first skip days of a block
// are left out. Blocks begin on every day of the history in turn. ok is false with
// fewer than five pairs' worth of days.
func PairSD(daily []float64, block, skip int) (sd float64, ok bool) {
	if skip < 0 || block <= skip || len(daily) < 10*block {
		return 0, false
	}
	sum, n := 0.0, 0
	for i := 0; i+2*block <= len(daily); i++ {
		var a, b float64
		for j := skip; j < block; j++ {
			a += daily[i+j]
			b += daily[i+block+j]
		}
		sum += square((a - b) / float64(block-skip))
		n++
	}
	sd = math.Sqrt(sum / float64(n))
	return sd, !math.IsNaN(sd) && !math.IsInf(sd, 0)
}

// RatioSD is how much the daily mean of a held region's sales over a window of
// days differs from what those of the others say, at the ratio of both over the
// whole history, where nothing is varied. ok is false with fewer than three
// windows' worth of days.
func RatioSD(held, others []float64, window int) (sd float64, ok bool) {
	if window < 1 || len(held) != len(others) || len(held) < 3*window {
		return 0, false
	}
	var h, o float64
	for i := range held {
		h, o = h+held[i], o+others[i]
	}
	if !(o > 0) {
		return 0, false
	}
	ratio, sum, n := h/o, 0.0, 0
	for i := 0; i+window <= len(held); i++ {
		d := 0.0
		for j := range window {
			d += held[i+j] - ratio*others[i+j]
		}
		sum += square(d / float64(window))
		n++
	}
	sd = math.Sqrt(sum / float64(n))
	return sd, !math.IsNaN(sd) && !math.IsInf(sd, 0)
}
