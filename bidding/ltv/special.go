package ltv

import "math"

// rising tabulates ln Gamma(c+x) - ln Gamma(c) and its derivative by c for the
// whole numbers x = 0..n. Order counts are whole, so that one short sum replaces
// a gamma function in every row.
type rising struct{ ln, d []float64 }

func newRising(c float64, n int) rising {
	t := rising{ln: make([]float64, n+1), d: make([]float64, n+1)}
	for x := range n {
		t.ln[x+1] = t.ln[x] + math.Log(c+float64(x))
		t.d[x+1] = t.d[x] + 1/(c+float64(x))
	}
	return t
}

// logAddExp is ln(e^a + e^b) with e^a's share of the sum.
func logAddExp(a, b float64) (sum, share float64) {
	if a >= b {
		e := math.Exp(b - a)
		return a + math.Log1p(e), 1 / (1 + e)
	}
	e := math.Exp(a - b)
	return b + math.Log1p(e), e / (1 + e)
}

// logistic is 1/(1+e^d).
func logistic(d float64) float64 {
	if d > 0 {
		e := math.Exp(-d)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(d))
}

// eulerSum is sum_k s_k with s_0 = 1 and
// s_k = s_(k-1) z (a+k)(b+k) / ((c+k)(k+1)), for b and c above -1 and
// 0 <= z < 1. It is (2F1(a,b;c;z)-1) c/(a b z), with the factors that may vanish
// taken out.
func eulerSum(a, b, c, z float64) float64 {
	const maxTerms = 100_000 // never reached for z <= 0.99
	sum, s := 1.0, 1.0
	for k := 1.0; k < maxTerms; k++ {
		ratio := z * (a + k) * (b + k) / ((c + k) * (k + 1))
		s *= ratio
		sum += s
		// From here on terms shrink at least as fast as a geometric series.
		if bound := math.Max(math.Abs(ratio), z); bound < 1 && math.Abs(s)*bound <= 1e-15*math.Abs(sum)*(1-bound) {
			break
		}
	}
	return sum
}

// betaMean is the mean of g(p) for p ~ Beta(a, b), g smooth and changing no
// faster than by e per unit of logit p beyond |logit p| = edge. It is the
// trapezoidal rule over logit p, where the integrand is analytic and falls
// exponentially: the rule is then exact but for rounding, and both ends are
// geometric series.
func betaMean(a, b, edge float64, g func(p float64) float64) float64 {
	if min(a, b) > 1e9 {
		return g(a / (a + b)) // p hardly varies, and a times its logarithm keeps no digits
	}
	width := math.Sqrt(1/a + 1/b)
	h := min(0.25, 0.6*width)
	lo, hi := -edge-25-math.Log1p(b), edge+25+math.Log1p(a)
	if width < 0.3 {
		mid := math.Log(a / b)
		lo, hi = max(lo, mid-40*width), min(hi, mid+40*width)
	}
	f := func(u float64) (weight, value float64) {
		lnP, lnRest := -math.Log1p(math.Exp(-u)), -math.Log1p(math.Exp(u))
		if u < -30 {
			lnP = u
		} else if u > 30 {
			lnRest = -u
		}
		w := math.Exp(a*(lnP+math.Log1p(b/a)) + b*(lnRest+math.Log1p(a/b))) // 1 at the peak
		return w, w * g(math.Exp(lnP))
	}
	var norm, sum float64
	n := math.Ceil((hi - lo) / h)
	for k := 0.0; k <= n; k++ {
		w, v := f(lo + k*h)
		switch k {
		case 0:
			w, v = w/-math.Expm1(-a*h), v/-math.Expm1(-a*h)
		case n:
			w, v = w/-math.Expm1(-b*h), v/-math.Expm1(-b*h)
		}
		norm += w
		sum += v
	}
	return sum / norm
}
