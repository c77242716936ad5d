package allocate

import "math"

const (
	// maxSteps ends every search; the bracket of a float64 closes well before.
	maxSteps = 200
	// exact is how near, relatively, an amount must come to the one it is to meet.
	exact = 1e-13
	// narrow is the relative width of a bracket of prices that is not searched
	// on: the amount jumps there, or rounding is all that is left.
	narrow = 1e-12
)

// point is what is best at a price: the spends, their sum and their worth.
type point struct {
	price, spend, value float64
	x                   []float64
	blocks              []amount // of all blocks, their own bounds aside
}

type amount struct{ spend, value float64 }

// dual bounds what spending target can be worth, at every price; it is least at
// the price that search finds.
func (p point) dual(target float64) float64 {
	if p.spend == target {
		return p.value
	}
	if math.IsInf(p.price, 0) { // no bound, whatever the sign
		return math.Inf(1)
	}
	return p.value + p.price*(target-p.spend)
}

// search brackets the price at which the spend, which falls as the price rises,
// is target: lo.spend > target >= hi.spend, where any prices have that. It
// looks from guess outward, first by a factor step.
//
// The bracket closes by the secant in the logarithms (Illinois), which needs few
// looks where the spend is smooth; where that stalls, by the slope of the line
// between the brackets' spend and value, which is the very price where the spend
// jumps; and by bisection behind both. It ends where the spend meets the target
// or the prices are neighbours, and anywhere where the solver is stopped.
func (s *solver) search(at func(price float64) point, target, guess, step float64) (lo, hi point) {
	lo, hi = s.outward(at, target, guess, step)
	residual := func(p point) float64 {
		if target > 0 && p.spend > 0 {
			return math.Log(p.spend / target)
		}
		return p.spend - target
	}
	wlo, whi, last := residual(lo), residual(hi), 0
	look := func(price float64) (above bool) {
		p := at(price)
		if p.spend > target {
			if last == 1 {
				whi /= 2
			}
			lo, wlo, last = p, residual(p), 1
			return true
		}
		if last == -1 {
			wlo /= 2
		}
		hi, whi, last = p, residual(p), -1
		return false
	}
	nearest := func() float64 { return min(math.Abs(residual(lo)), math.Abs(residual(hi))) }
	way := bySecant
	for k := 0; k < maxSteps && !closed(lo, hi, target) && !s.effort.stopped(); k++ {
		before, width := nearest(), hi.price-lo.price
		switch way {
		case bySecant:
			way = byJump
			a, b := math.Log(lo.price), math.Log(hi.price) // no numbers where prices are not above 0
			if price := math.Exp(a + (b-a)*wlo/(wlo-whi)); price > lo.price && price < hi.price {
				if look(price); nearest() < before/4 || hi.price-lo.price < width/4 {
					way = bySecant
				}
			}
		case byJump:
			way = byHalf
			price := (lo.value - hi.value) / (lo.spend - hi.spend)
			e := max(narrow/4, 4e-16*math.Abs(hi.value/(lo.value-hi.value))) * math.Abs(price)
			if price-e > lo.price && price+e < hi.price {
				if look(price - e) {
					look(price + e)
				}
			}
		case byHalf:
			way = bySecant
			price := middle(lo.price, hi.price)
			if price <= lo.price || price >= hi.price {
				return lo, hi
			}
			look(price)
		}
	}
	return lo, hi
}

// The ways to close a bracket of prices; where one fails the next is taken.
const (
	bySecant = iota
	byJump
	byHalf
)

func closed(lo, hi point, target float64) bool {
	return meets(lo, target) || meets(hi, target) || lo.spend <= target || jumps(lo, hi)
}

func meets(p point, target float64) bool { return math.Abs(p.spend-target) <= exact*target }

// priceOf is the price a bracket found: that of the side which meets the
// target, or what the next unit beyond it earns.
func priceOf(lo, hi point, target float64) float64 {
	if math.Abs(lo.spend-target) < math.Abs(hi.spend-target) && !jumps(lo, hi) {
		return lo.price
	}
	return hi.price
}

// jumps reports whether two prices are as good as one.
func jumps(lo, hi point) bool {
	d := hi.price - lo.price
	return d <= narrow*max(math.Abs(lo.price), math.Abs(hi.price)) && !math.IsInf(d, 1)
}

// outward brackets the target with steps that grow. guess is above 0.
func (s *solver) outward(at func(price float64) point, target, guess, step float64) (lo, hi point) {
	const longest = 1 << 40
	p := at(guess)
	if meets(p, target) {
		return p, p
	}
	if p.spend > target {
		for lo = p; ; lo, step = hi, min(step*step, longest) {
			hi = at(lo.price * step)
			if hi.spend <= target || math.IsInf(hi.price, 1) || s.effort.stopped() {
				return lo, hi
			}
		}
	}
	for hi = p; ; hi, step = lo, min(step*step, longest) {
		switch {
		case hi.price > 0:
			lo = at(hi.price / step)
		case hi.price == 0: // money that does harm is yet to be spent
			step = 2
			lo = at(-1)
		default:
			lo = at(hi.price * step)
		}
		if lo.spend > target || meets(lo, target) || math.IsInf(lo.price, -1) || s.effort.stopped() {
			return lo, hi
		}
	}
}

// middle halves a bracket of prices, in the logarithm where that can be.
func middle(lo, hi float64) float64 {
	const stride = 1 << 40
	switch {
	case lo < 0:
		return -middle(-hi, -lo)
	case math.IsInf(hi, 1):
		return max(lo, 1) * stride
	case lo == 0:
		return min(hi, 1) / stride
	default:
		return math.Exp((math.Log(lo) + math.Log(hi)) / 2)
	}
}
