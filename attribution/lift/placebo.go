package lift

import (
	"errors"
	"math"
	"math/rand/v2"
)

// Placebo is the in-space permutation test of the method: treated and control are
// drawn anew, within strata where the draw was made within strata (a number a
// region, nil for one stratum), and the size of the effect is compared, over its
// standard error, for synthetic control over what the mix misses before the test
// (Abadie, Diamond and Hainmueller 2010). Under no effect on any region, P is
// below any level at most as often as that level says.
func (t *GeoTest) Placebo(m Method, strata []int, permutations int, seed uint64) (Placebo, error) {
	if err := t.Check(); err != nil {
		return Placebo{}, err
	}
	if permutations < 1 {
		return Placebo{}, errors.New("a placebo test needs one permutation at least")
	}
	s := t.split()
	groups := map[int][]int{}
	taking := 0
	for g, arm := range t.Arms {
		if arm == LeftOut {
			continue
		}
		stratum := 0
		if strata != nil {
			stratum = strata[g]
		}
		groups[stratum] = append(groups[stratum], taking)
		taking++
	}
	return s.placebo(m, ordered(groups), permutations, rand.New(rand.NewPCG(seed, 0x6c696674)))
}

// ordered are the groups in the order of their first members, so that a seed
// always draws the same.
func ordered(groups map[int][]int) [][]int {
	var out [][]int
	for len(groups) > 0 {
		first := -1
		for k, g := range groups {
			if first < 0 || g[0] < groups[first][0] {
				first = k
			}
		}
		out = append(out, groups[first])
		delete(groups, first)
	}
	return out
}

func (s *split) placebo(m Method, strata [][]int, permutations int, rnd *rand.Rand) (Placebo, error) {
	seen, err := s.statistic(m)
	if err != nil {
		return Placebo{}, err
	}
	p := *s
	p.treated = append([]bool{}, s.treated...)
	hits := 1
	for range permutations {
		for _, g := range strata {
			rnd.Shuffle(len(g), func(i, j int) { p.treated[g[i]], p.treated[g[j]] = p.treated[g[j]], p.treated[g[i]] })
		}
		drawn, err := p.statistic(m)
		if err != nil {
			return Placebo{}, err
		}
		if drawn >= seen*(1-1e-9) {
			hits++
		}
	}
	return Placebo{P: float64(hits) / float64(1+permutations), Permutations: permutations}, nil
}

// statistic is how far the effect is from nothing, in terms of its error.
func (s *split) statistic(m Method) (float64, error) {
	if m == SC {
		return s.syntheticStatistic()
	}
	e, err := s.estimate(m, 0)
	if err != nil {
		return 0, err
	}
	if e.lift.SE == 0 {
		return math.Abs(e.lift.Value), nil
	}
	return math.Abs(e.lift.Value) / e.lift.SE, nil
}
