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

// maxTerms bounds a series whose argument is close to 1. What is left out there
// is estimated by a geometric tail.
const maxTerms = 200_000

// eulerSum is sum_k s_k with s_0 = 1 and
// s_k = s_(k-1) z (a+k)(b+k) / ((c+k)(k+1)), for a > -1-ish, b > -1, c > -1 and
// 0 <= z < 1. It is (2F1(a,b;c;z)-1) c/(a b z), with the factors that may vanish
// taken out.
func eulerSum(a, b, c, z float64) float64 {
	sum, s := 1.0, 1.0
	for k := 1.0; k < maxTerms; k++ {
		ratio := z * (a + k) * (b + k) / ((c + k) * (k + 1))
		s *= ratio
		sum += s
		// From here on terms shrink at least as fast as a geometric series.
		if bound := math.Max(math.Abs(ratio), z); bound < 1 && math.Abs(s)*bound <= 1e-15*math.Abs(sum)*(1-bound) {
			return sum
		}
	}
	ratio := z * (a + maxTerms) * (b + maxTerms) / ((c + maxTerms) * (maxTerms + 1))
	if ratio < 1 {
		sum += s * ratio / (1 - ratio)
	}
	return sum
}
