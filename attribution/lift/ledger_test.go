package lift

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func ledger(t *testing.T, beliefs []Believed, experiments ...Measured) []Iota {
	t.Helper()
	out, err := Ledger(beliefs, experiments)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range out {
		if !(i.Mean > 0 && i.Mean < MaxIota && i.SD > 0 && 0 <= i.Low && i.Low <= i.Mean && i.Mean <= i.High && i.High <= MaxIota && i.Weight >= 0 && i.Weight <= 1) {
			t.Errorf("%+v", i)
		}
	}
	return out
}

func believed(campaigns ...string) []Believed {
	var out []Believed
	for _, c := range campaigns {
		out = append(out, Believed{Campaign: c, Group: "new", Mean: 0.75, SD: 0.2})
	}
	return out
}

// Without experiments the belief stands; an experiment without error is believed;
// with time it says less, until the belief and the group are left.
func TestLedgerFromBeliefToMeasurement(t *testing.T) {
	t.Parallel()
	if i := ledger(t, believed("a"))[0]; i.Mean != 0.75 || i.SD != 0.2 || i.Measured || i.Weight != 0 {
		t.Errorf("%+v", i)
	}
	i := ledger(t, believed("a"), Measured{Campaign: "a", Source: "e1", Iota: 0.4, SD: 0.001})[0]
	if math.Abs(i.Mean-0.4) > 1e-3 || i.SD > 2e-3 || !i.Measured || i.Weight < 0.99 || i.Sources[0] != "e1" {
		t.Errorf("%+v", i)
	}
	last, lastSD := 0.4, 0.0
	for _, age := range []int{30, 180, 365, 730, 3650} {
		i := ledger(t, believed("a"), Measured{Campaign: "a", Iota: 0.4, SD: 0.05, AgeDays: age})[0]
		if !(i.Mean > last && i.Mean < 0.75 && i.SD > lastSD && i.SD < 0.2) || i.AgeDays != age {
			t.Errorf("%d days: %+v", age, i)
		}
		last, lastSD = i.Mean, i.SD
	}
}

// The hierarchy is what its integral says: mean and standard deviation of a
// measured and of an unmeasured campaign against sums over draws of the model.
func TestLedgerIsTheModelsPosterior(t *testing.T) {
	t.Parallel()
	beliefs := append(believed("a", "b", "c"), Believed{Campaign: "known", Group: "known", Mean: 0.3, SD: 0.2})
	beliefs[1].Mean, beliefs[1].SD = 0.6, 0.1
	experiments := []Measured{{Campaign: "a", Source: "1", Iota: 0.9, SD: 0.1}, {Campaign: "a", Source: "2", Iota: 0.8, SD: 0.2, AgeDays: 400}, {Campaign: "b", Source: "3", Iota: 0.65, SD: 0.05}}
	got := ledger(t, beliefs, experiments...)
	rnd := rand.New(rand.NewPCG(5, 5))
	var total float64
	var mean, square [3]float64
	for range few(2_000_000) {
		f := ownShares()[rnd.IntN(len(ownShares()))]
		d := rnd.NormFloat64()
		var iota [3]float64
		for k := range iota {
			iota[k] = beliefs[k].Mean + beliefs[k].SD*(math.Sqrt(1-f)*d+math.Sqrt(f)*rnd.NormFloat64())
		}
		w := 1.0
		for _, m := range experiments {
			v := m.SD*m.SD + 0.15*0.15*float64(m.AgeDays)/365
			x := m.Iota - iota[map[string]int{"a": 0, "b": 1}[m.Campaign]]
			w *= math.Exp(-x * x / (2 * v))
		}
		total += w
		for k, x := range iota {
			mean[k] += w * x
			square[k] += w * x * x
		}
	}
	for k := range mean {
		m := mean[k] / total
		sd := math.Sqrt(square[k]/total - m*m)
		// The cut to 0 to 1.5 moves the third by a thousandth.
		if math.Abs(got[k].Mean-m) > 0.003 || math.Abs(got[k].SD-sd) > 0.003 {
			t.Errorf("%s: %v ± %v, drawn %v ± %v", got[k].Campaign, got[k].Mean, got[k].SD, m, sd)
		}
	}
	if got[3].Mean != 0.3 || got[3].Pooled != 0 || got[2].Pooled != 2 || got[0].Pooled != 1 || !slices.Equal(got[0].Sources, []string{"1", "2"}) {
		t.Errorf("%+v", got)
	}
}

// Where the measured campaigns of a group agree, the unmeasured one follows them
// further than where they differ.
func TestLedgerLearnsHowAlikeCampaignsAre(t *testing.T) {
	t.Parallel()
	of := func(shares ...float64) Iota {
		var m []Measured
		for i, s := range shares {
			m = append(m, Measured{Campaign: string(rune('a' + i)), Iota: s, SD: 0.03})
		}
		return ledger(t, believed("x", "a", "b", "c", "d"), m...)[0]
	}
	alike, apart := of(0.5, 0.5, 0.5, 0.5), of(0.2, 0.8, 0.3, 0.7)
	if !(math.Abs(alike.Mean-0.5) < math.Abs(apart.Mean-0.5)) || !(alike.SD < apart.SD) || alike.Weight != 0 || alike.Measured {
		t.Errorf("alike %+v, apart %+v", alike, apart)
	}
}

// Whatever an experiment says, the share stays between 0 and MaxIota.
func TestLedgerIsCut(t *testing.T) {
	t.Parallel()
	for _, x := range []float64{-1e6, -3, -0.2, 0, 1.4, 1.6, 9, 1e6} {
		for _, sd := range []float64{0, 0.01, 0.3, 100} {
			ledger(t, believed("a", "b"), Measured{Campaign: "a", Iota: x, SD: sd})
		}
	}
	for _, m := range []Measured{{Campaign: "a", SD: -1}, {Campaign: "a", AgeDays: -1}, {Campaign: "a", Iota: math.NaN()}, {Campaign: "a", SD: math.Inf(1)}} {
		if out, err := Ledger(believed("a"), []Measured{m}); err == nil {
			t.Errorf("%+v gives %+v", m, out)
		}
	}
	if _, err := Ledger([]Believed{{Campaign: "a"}}, nil); err == nil {
		t.Error("a belief without spread passes")
	}
}
