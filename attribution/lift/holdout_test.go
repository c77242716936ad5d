package lift

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// The share held out is the one asked for, raising it lets nobody go, and another
// salt holds others.
func TestHeldOut(t *testing.T) {
	t.Parallel()
	const n = 100_000
	held, both := 0, 0
	for i := range n {
		id := fmt.Sprintf("customer-%d", i)
		h := Holdout{Salt: "spring", BasisPoints: 500}
		if h.Held(id) {
			held++
			if (Holdout{Salt: "summer", BasisPoints: 500}).Held(id) {
				both++
			}
			if !(Holdout{Salt: "spring", BasisPoints: 501}).Held(id) {
				t.Fatal(id, "was let go")
			}
		}
	}
	if sd := math.Sqrt(n * 0.05 * 0.95); math.Abs(float64(held)-n*0.05) > 4*sd {
		t.Errorf("%d of %d held out, 5 %% were to be", held, n)
	}
	if sd := math.Sqrt(n * 0.0025); math.Abs(float64(both)-n*0.0025) > 4*sd {
		t.Errorf("%d held out by both salts, %d expected", both, n*25/10000)
	}
	// Fixed for good, as another program's SHA-256 has it: nobody may change arms
	// because this one was updated.
	got := ""
	for i := range 12 {
		got += map[bool]string{true: "H", false: "-"}[Holdout{Salt: "s", BasisPoints: 5000}.Held(fmt.Sprint(i))]
	}
	if got != "----H-H-H--H" {
		t.Errorf("drawn %s", got)
	}
}

// The sums do not depend on how the people were counted.
func TestPeopleMerge(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	var all, a, b People
	var raw []Person
	for i := range 1000 {
		p := basket(rnd, 1)
		raw = append(raw, p)
		all.Add(p)
		if i%3 == 0 {
			a.Add(p)
		} else {
			b.Add(p)
		}
	}
	a.Merge(b)
	a.Merge(People{})
	var mean, co float64
	for _, p := range raw {
		mean += p.Revenue / 1000
	}
	for _, p := range raw {
		co += (p.Revenue - mean) * (p.Before - all.Mean[before])
	}
	for name, pair := range map[string][2]float64{
		"mean": {all.Mean[revenue], mean}, "merged mean": {a.Mean[revenue], mean}, "co": {all.Co[revenue][before], co}, "merged co": {a.Co[before][revenue], co},
	} {
		if !near(pair[0], pair[1], 1e-9) {
			t.Errorf("%s %v, want %v", name, pair[0], pair[1])
		}
	}
}

// What was known before narrows the interval by what it explains, and the answer
// is then that of a regression on arm and covariate but for the choice of the mean.
func TestCUPEDNarrows(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(4, 4))
	var with, without HoldoutTest
	for i := range 4000 {
		likes := 10 * rnd.NormFloat64()
		p := Person{Revenue: 50 + likes + 5*rnd.NormFloat64(), Before: 20 + likes}
		arm, plain := &with.Held, &without.Held
		if i%2 == 0 {
			p.Revenue += 2
			arm, plain = &with.Treated, &without.Treated
		}
		arm.Add(p)
		p.Before = 0
		plain.Add(p)
	}
	a, err := with.Analyse(0.9)
	if err != nil {
		t.Fatal(err)
	}
	b, err := without.Analyse(0.9)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(a.VarianceRemoved-0.8) > 0.02 || b.VarianceRemoved != 0 {
		t.Errorf("removed %v and %v of the variance, want 0.8 and 0", a.VarianceRemoved, b.VarianceRemoved)
	}
	if !near(a.PerPerson.SE/b.PerPerson.SE, math.Sqrt(1-a.VarianceRemoved), 1e-9) || a.PerPerson.Excludes(2) || !near(a.Lift.Value, 2000*a.PerPerson.Value, 1e-12) {
		t.Errorf("with %+v, without %+v", a.PerPerson, b.PerPerson)
	}
}

// A split that chance does not explain is said.
func TestSampleRatio(t *testing.T) {
	t.Parallel()
	for held, broken := range map[int]bool{500: false, 540: false, 600: true, 400: true} {
		test := HoldoutTest{BasisPoints: 500}
		for i := range 10_000 {
			p := Person{Revenue: float64(i % 7)}
			if i < held {
				test.Held.Add(p)
			} else {
				test.Treated.Add(p)
			}
		}
		r, err := test.Analyse(0.9)
		if err != nil {
			t.Fatal(err)
		}
		if (*r.SampleRatioP < 0.001) != broken || strings.Contains(strings.Join(r.Warnings, ""), "not to be believed") != broken {
			t.Errorf("%d held: p %v, %q", held, *r.SampleRatioP, r.Warnings)
		}
	}
}

// An experiment as large as was asked for shows its effect as often as was asked
// for.
func TestPeopleNeededReachThePower(t *testing.T) {
	t.Parallel()
	n, err := PeopleNeeded(1, 0.1, 2000, 0.9, 0.8)
	if err != nil {
		t.Fatal(err)
	}
	// (1.6449 + 0.8416)^2 / 0.1^2 / (0.2 x 0.8)
	if n != 3865 {
		t.Errorf("%d persons", n)
	}
	shown := 0
	const trials = 400
	for r := range trials {
		rnd := rand.New(rand.NewPCG(uint64(r), 3))
		var test HoldoutTest
		for i := range n {
			if i%5 == 0 {
				test.Held.Add(Person{Revenue: rnd.NormFloat64()})
			} else {
				test.Treated.Add(Person{Revenue: 0.1 + rnd.NormFloat64()})
			}
		}
		if res, err := test.Analyse(0.9); err != nil || res.Lift.Low > 0 {
			shown++
		}
	}
	if share := float64(shown) / trials; math.Abs(share-0.8) > 0.06 {
		t.Errorf("shown in %v of the trials, want 0.8", share)
	}
	if d, err := DetectablePerPerson(1, n, 2000, 0.9, 0.8); err != nil || math.Abs(d-0.1) > 1e-4 {
		t.Error(d, err)
	}
}

func TestHoldoutSaysWhatItLacks(t *testing.T) {
	t.Parallel()
	var some, same, odd People
	for i := range 10 {
		some.Add(Person{Revenue: float64(i)})
		same.Add(Person{Revenue: 3})
	}
	odd.Add(Person{})
	odd.Add(Person{Revenue: math.NaN()})
	for want, test := range map[string]HoldoutTest{
		"are no numbers":              {Treated: some, Held: odd},
		"each arm needs two at least": {Treated: some},
		"brought the same":            {Treated: same, Held: same},
		"10000 basis points":          {Treated: some, Held: some, BasisPoints: 10000},
		"claims are -1":               {Treated: some, Held: some, Claimed: -1},
	} {
		if _, err := test.Analyse(0.9); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := (Holdout{BasisPoints: 5}).Check(); err == nil {
		t.Error("a holdout without salt passes")
	}
	for _, f := range []func() (int, error){
		func() (int, error) { return PeopleNeeded(0, 1, 500, 0.9, 0.8) },
		func() (int, error) { return PeopleNeeded(1, 0, 500, 0.9, 0.8) },
		func() (int, error) { return PeopleNeeded(1, 1e-9, 500, 0.9, 0.8) },
		func() (int, error) { return PeopleNeeded(1, 1, 0, 0.9, 0.8) },
		func() (int, error) { return PeopleNeeded(1, 1, 500, 1, 0.8) },
		func() (int, error) { return PeopleNeeded(1, 1, 500, 0.9, 1) },
	} {
		if n, err := f(); err == nil {
			t.Error(n)
		}
	}
}
