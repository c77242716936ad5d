package lift

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"gonum.org/v1/gonum/stat/distuv"
)

// Holdout says which persons are kept from advertising.
type Holdout struct {
	Salt        string `json:"salt"`         // of the experiment, so that two experiments hold different people
	BasisPoints int    `json:"basis_points"` // of all persons, 1 to 9999
}

// Check returns the first fault.
func (h Holdout) Check() error {
	if h.BasisPoints < 1 || h.BasisPoints > maxBasisPoints-1 {
		return fmt.Errorf("the share held out is %d basis points; give 1 to %d (500 is 5 %%)", h.BasisPoints, maxBasisPoints-1)
	}
	if h.Salt == "" {
		return errors.New("the holdout has no salt; give it the experiment's id")
	}
	return nil
}

const maxBasisPoints = 10000

// Held reports whether a person is held out: whether SHA-256 of salt and id, as a
// fraction, is below the share. It depends on nothing else: who joins later
// changes nobody's arm, and raising the share lets nobody go.
func (h Holdout) Held(id string) bool {
	sum := sha256.Sum256([]byte(h.Salt + "\x00" + id))
	bucket, _ := bits.Mul64(binary.BigEndian.Uint64(sum[:]), maxBasisPoints)
	return int(bucket) < h.BasisPoints
}

// Person is what one person brought in a holdout experiment.
type Person struct {
	Revenue float64 // during the experiment
	Before  float64 // revenue, or any measure of the person, before it; 0 where unknown
	Claimed float64 // of Revenue, what the platform claims; 0 where claims are known in total only
}

// People are the sums a holdout is analysed by; they can be merged.
type People struct {
	N    int           `json:"n"`
	Mean [3]float64    `json:"mean"` // of revenue, before, claimed
	Co   [3][3]float64 `json:"co"`   // sums of products of deviations from the means
}

// Add counts a person (Welford's update).
func (p *People) Add(x Person) {
	p.Merge(People{N: 1, Mean: [3]float64{x.Revenue, x.Before, x.Claimed}})
}

// Merge adds other people (Chan, Golub and LeVeque 1983).
func (p *People) Merge(o People) {
	n := p.N + o.N
	if n == 0 {
		return
	}
	share := float64(o.N) / float64(n)
	var d [3]float64
	for i := range d {
		d[i] = o.Mean[i] - p.Mean[i]
	}
	for i := range d {
		p.Mean[i] += d[i] * share
		for j := range d {
			p.Co[i][j] += o.Co[i][j] + d[i]*d[j]*share*float64(p.N)
		}
	}
	p.N = n
}

func (p *People) finite() bool {
	return finite(p.Mean[:]...) && finite(p.Co[0][:]...) && finite(p.Co[1][:]...) && finite(p.Co[2][:]...)
}

// cov is the covariance of the mean of revenue - theta before (i = revenue) or
// claimed (i = claimed) with another.
func (p *People) cov(i, j int, theta float64) float64 {
	c := p.Co[i][j]
	if i == revenue {
		c -= theta * p.Co[before][j]
	}
	if j == revenue {
		c -= theta * p.Co[i][before]
		if i == revenue {
			c += theta * theta * p.Co[before][before]
		}
	}
	return c / float64(p.N-1) / float64(p.N)
}

const (
	revenue = iota
	before
	claimed
)

// HoldoutTest is a holdout to be analysed as intended to treat: everybody counts
// in the arm they were drawn into, whether or not an ad reached them.
type HoldoutTest struct {
	Treated, Held People
	BasisPoints   int     // share that was to be held out; 0: not known, and not checked
	Claimed       float64 // what the platform claims of the treated in total; 0: by person
	Planned       float64 // effect per person the experiment was planned for, for the always-valid interval; 0: none
}

// HoldoutResult is what a holdout says.
type HoldoutResult struct {
	Result
	Treated   int       `json:"treated"`
	Held      int       `json:"held"`
	PerPerson Estimate  `json:"per_person"` // revenue caused per treated person
	Relative  *Estimate `json:"relative"`   // PerPerson over the mean of the held; nil where that is near nothing
	// VarianceRemoved is the share of the variance of revenue that what was known
	// before explains.
	VarianceRemoved float64 `json:"variance_removed"`
	// SampleRatioP is how often chance splits people at least as far from the share
	// planned; nil where that is not known. Below 0.001 the split is broken.
	SampleRatioP *float64 `json:"sample_ratio_p"`
}

// SampleRatioBroken reports whether something sorts people into the arms.
func (r *HoldoutResult) SampleRatioBroken() bool {
	return r.SampleRatioP != nil && *r.SampleRatioP < sampleRatioAlarm
}

// sampleRatioAlarm is the p below which a split counts as broken (Fabijan et al.
// 2019, KDD), so low because it is looked at often.
const sampleRatioAlarm = 0.001

// Analyse compares the arms. Revenue is adjusted by what was known before (CUPED:
// Deng, Xu, Kohavi and Walker 2013, WSDM, equation 4), with one coefficient for
// both arms; the interval is Welch's.
//
// Iota is the lift over the claims. Where claims are known by person, both are
// means over the same people and the interval of their ratio is Fieller's, which
// holds its level where the claims are few; with a total only, the claims are what
// is to be corrected and taken as they are.
func (t *HoldoutTest) Analyse(level float64) (HoldoutResult, error) {
	out := HoldoutResult{Treated: t.Treated.N, Held: t.Held.N}
	if err := errors.Join(checkLevel(level), t.check()); err != nil {
		return out, err
	}
	theta := 0.0
	if xx := t.Treated.Co[before][before] + t.Held.Co[before][before]; xx > 0 {
		theta = (t.Treated.Co[revenue][before] + t.Held.Co[revenue][before]) / xx
	}
	varT, varH := t.Treated.cov(revenue, revenue, theta), t.Held.cov(revenue, revenue, theta)
	raw := t.Treated.cov(revenue, revenue, 0) + t.Held.cov(revenue, revenue, 0)
	if !(raw > 0) {
		return out, errors.New("every person of an arm brought the same; there is nothing to compare")
	}
	varT, varH = max(varT, 0), max(varH, 0)
	out.VarianceRemoved = max(0, 1-(varT+varH)/raw)
	df := (varT + varH) * (varT + varH) / (varT*varT/float64(t.Treated.N-1) + varH*varH/float64(t.Held.N-1))
	if !finite(df) || df < 1 {
		df = 1
	}
	diff := t.Treated.Mean[revenue] - t.Held.Mean[revenue] - theta*(t.Treated.Mean[before]-t.Held.Mean[before])
	out.PerPerson = interval(diff, sqrt(varT+varH), df, level)
	n := float64(t.Treated.N)
	out.Result = Result{Method: "holdout", Lift: out.PerPerson.times(n), Days: []Day{}, Warnings: []string{}}
	out.Expected = n*t.Treated.Mean[revenue] - out.Lift.Value
	if r, ok := fieller(diff, t.Treated.Mean[revenue]-diff, varT+varH, varH, -varH, df, level); ok && out.Expected > 0 {
		out.Relative = &r
	}
	if t.Planned > 0 {
		a := AlwaysValid(out.PerPerson, t.Planned).times(n)
		out.AlwaysValid = &a
	}
	out.iota(t, theta, df)
	out.ratio(t)
	return out, out.checkFinite()
}

func (t *HoldoutTest) check() error {
	switch {
	case t.Treated.N < 2 || t.Held.N < 2:
		return fmt.Errorf("%d persons were treated and %d held out; each arm needs two at least, and thousands to see anything", t.Treated.N, t.Held.N)
	case !t.Treated.finite() || !t.Held.finite():
		return errors.New("a person's figures are no numbers to reckon with")
	case t.BasisPoints < 0 || t.BasisPoints >= maxBasisPoints:
		return Holdout{Salt: "-", BasisPoints: t.BasisPoints}.Check()
	case t.Claimed < 0 || !finite(t.Claimed):
		return fmt.Errorf("the platform's claims are %g; they must be 0 or more", t.Claimed)
	}
	return checkPlanned(t.Planned)
}

func (out *HoldoutResult) iota(t *HoldoutTest, theta, df float64) {
	if t.Claimed > 0 {
		i := out.Lift.times(1 / t.Claimed)
		out.Iota = &i
		return
	}
	claims := t.Treated.Mean[claimed]
	if claims <= 0 {
		return // none were given
	}
	e := out.PerPerson
	if i, ok := fieller(e.Value, claims, e.SE*e.SE, t.Treated.cov(claimed, claimed, 0), t.Treated.cov(revenue, claimed, theta), df, e.Level); ok {
		out.Iota = &i
		return
	}
	out.Warnings = append(out.Warnings, "the platform claims too little to say what share of it was caused")
}

// ratio checks the split against the share planned, by chi-squared.
func (out *HoldoutResult) ratio(t *HoldoutTest) {
	if t.BasisPoints == 0 {
		return
	}
	n, share := float64(t.Treated.N+t.Held.N), float64(t.BasisPoints)/maxBasisPoints
	d := float64(t.Held.N) - n*share
	p := distuv.ChiSquared{K: 1}.Survival(d * d / (n * share * (1 - share)))
	out.SampleRatioP = &p
	if out.SampleRatioBroken() {
		out.Warnings = append(out.Warnings, fmt.Sprintf("%d of %.0f persons were held out where %.2f %% were to be, which chance does not explain: something sorts people into the arms, and the result is not to be believed",
			t.Held.N, n, 100*share))
	}
}

// PeopleNeeded is the inverse of DetectablePerPerson: how many persons in all a
// holdout needs to show an effect per person with the power, where revenue per
// person has the standard deviation sd (times the root of 1 - VarianceRemoved
// where what was known before explains some of it).
func PeopleNeeded(sd, effect float64, basisPoints int, level, power float64) (int, error) {
	if !(sd > 0) || !(effect > 0) || !finite(sd, effect) {
		return 0, fmt.Errorf("the spread is %g and the effect %g; both must be above 0", sd, effect)
	}
	one, err := DetectablePerPerson(sd, 1, basisPoints, level, power)
	if err != nil {
		return 0, err
	}
	n := math.Ceil(one / effect * one / effect)
	if n > 1e12 {
		return 0, errors.New("no shop has as many customers as this would need")
	}
	return int(n), nil
}

// DetectablePerPerson is the effect per person that a holdout of n persons in all
// shows with the power: (z(level) + z(power)) sd sqrt(1/treated + 1/held).
func DetectablePerPerson(sd float64, n, basisPoints int, level, power float64) (float64, error) {
	if err := errors.Join(checkLevel(level), checkPower(power), Holdout{Salt: "-", BasisPoints: basisPoints}.Check()); err != nil {
		return 0, err
	}
	if n < 1 || !(sd >= 0) {
		return 0, fmt.Errorf("%d persons of a spread of %g; there must be some", n, sd)
	}
	held := float64(basisPoints) / maxBasisPoints
	return reach(0, level, power) * sd * math.Sqrt(1/(float64(n)*held*(1-held))), nil
}

// reach is how many standard errors, known with df degrees of freedom (0: surely),
// an effect must have to be shown with the power.
func reach(df, level, power float64) float64 {
	return quantile(df, level) + quantile(df, 2*power-1)
}

func checkPower(power float64) error {
	if !(power >= 0.5 && power < 1) {
		return fmt.Errorf("the power is %g; give 0.5 to below 1, as 0.8", power)
	}
	return nil
}
