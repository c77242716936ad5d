package simulate

import "sort"

// hull is the least concave function above some points, straight between its
// corners: x ascends and the slopes fall.
type hull struct{ x, y []float64 }

// hullOf takes points of ascending x, at least one.
func hullOf(x, y []float64) hull {
	var h hull
	for i := range x {
		// A corner that lies below the line to the new point goes.
		for n := len(h.x); n >= 2 && (h.y[n-1]-h.y[n-2])*(x[i]-h.x[n-1]) <= (y[i]-h.y[n-1])*(h.x[n-1]-h.x[n-2]); n = len(h.x) {
			h.x, h.y = h.x[:n-1], h.y[:n-1]
		}
		h.x, h.y = append(h.x, x[i]), append(h.y, y[i])
	}
	return h
}

// segment is the index of the corner at which the stretch that holds s ends; 0
// where there is but one corner.
func (h hull) segment(s float64) int {
	return min(max(sort.SearchFloat64s(h.x, s), 1), len(h.x)-1)
}

// Value implements allocate.Curve.
func (h hull) Value(s float64) float64 {
	k := h.segment(s)
	return h.y[k] - (h.x[k]-s)*h.slope(k)
}

// Slope implements allocate.Curve.
func (h hull) Slope(s float64) float64 { return h.slope(h.segment(s)) }

func (h hull) slope(k int) float64 {
	if k == 0 {
		return 0
	}
	return (h.y[k] - h.y[k-1]) / (h.x[k] - h.x[k-1])
}

// InverseSlope implements allocate.Inverse: the last corner up to which the
// slope is at least m.
func (h hull) InverseSlope(m float64) float64 {
	k := sort.Search(len(h.x)-1, func(k int) bool { return h.slope(k+1) < m })
	return h.x[k]
}
