package ltv

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// Merge turns histories into rows in a unit of the given days: 1 for days, 7
// for weeks.
func Merge(histories []History, unitDays float64) []Row {
	first, of := distinct(histories)
	rows := make([]Row, len(first))
	for i, customer := range first {
		h := &histories[customer]
		rows[i] = Row{h.Frequency, h.Recency / unitDays, h.Age / unitDays, 0}
	}
	for _, i := range of {
		rows[i].N++
	}
	return rows
}

// distinct are the first customers of each history, in the order of rows, and
// which of these each customer is like.
func distinct(histories []History) (first, of []int32) {
	keys := keysOf(histories)
	first, of = make([]int32, 0, len(keys)/2), make([]int32, len(keys))
	for i, k := range keys {
		if i == 0 || k.key != keys[i-1].key {
			first = append(first, k.customer)
		}
		of[k.customer] = int32(len(first) - 1)
	}
	return first, of
}

// keyed is a customer with the rank of the history.
type keyed struct {
	key      uint64
	customer int32
}

// keysOf sorts customers by history. There are few different times, so that x,
// t_x and T together fit a number, which a radix sort puts in order.
func keysOf(histories []History) []keyed {
	maxX := 0
	var tx, t numbering
	keys := make([]keyed, len(histories))
	for i := range histories {
		h := &histories[i]
		maxX = max(maxX, h.Frequency)
		keys[i] = keyed{uint64(tx.of(h.Recency))<<32 | uint64(t.of(h.Age)), int32(i)}
	}
	rankTX, rankT := tx.sort(), t.sort()
	for i := range keys {
		k := &keys[i]
		k.key = (uint64(histories[i].Frequency)*uint64(len(rankTX))+uint64(rankTX[k.key>>32]))*uint64(len(rankT)) + uint64(rankT[k.key&(1<<32-1)])
	}
	most := uint64(maxX+1) * uint64(len(rankTX)) * uint64(len(rankT))
	return radixSort(keys, bits.Len64(most))
}

// radixSort sorts by the lowest bits of the keys, keeping the order of equals.
func radixSort(keys []keyed, width int) []keyed {
	const digit = 11
	other := make([]keyed, len(keys))
	for shift := 0; shift < width; shift += digit {
		var at [1<<digit + 1]int
		for _, k := range keys {
			at[k.key>>shift&(1<<digit-1)+1]++
		}
		if len(keys) > 0 && at[keys[0].key>>shift&(1<<digit-1)+1] == len(keys) {
			continue // all have the same
		}
		for i := range 1 << digit {
			at[i+1] += at[i]
		}
		for _, k := range keys {
			d := k.key >> shift & (1<<digit - 1)
			other[at[d]] = k
			at[d]++
		}
		keys, other = other, keys
	}
	return keys
}

// numbering gives different values numbers.
type numbering struct {
	number map[float64]int32
	values []float64
}

// of is v's number, in the order values are first asked for.
func (n *numbering) of(v float64) int32 {
	i, ok := n.number[v]
	if !ok {
		if n.number == nil {
			n.number = map[float64]int32{}
		}
		i = int32(len(n.values))
		n.number[v] = i
		n.values = append(n.values, v)
	}
	return i
}

// sort puts the values in order and returns the new number of each old one.
func (n *numbering) sort() []int32 {
	order := make([]int32, len(n.values))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(n.values[a], n.values[b]) })
	rank := make([]int32, len(order))
	for i, old := range order {
		rank[old] = int32(i)
	}
	slices.Sort(n.values)
	return rank
}

// ranks gives equal values their mean rank.
func ranks(v []float64) []float64 {
	keys := make([]keyed, len(v))
	for i, x := range v {
		keys[i] = keyed{orderedBits(x), int32(i)}
	}
	keys = radixSort(keys, 64)
	out := make([]float64, len(v))
	for i := 0; i < len(keys); {
		j := i
		for j < len(keys) && keys[j].key == keys[i].key {
			j++
		}
		for _, k := range keys[i:j] {
			out[k.customer] = float64(i+j-1) / 2
		}
		i = j
	}
	return out
}

// orderedBits are numbers that compare as the floats do.
func orderedBits(x float64) uint64 {
	const sign = 1 << 63
	b := math.Float64bits(x + 0) // -0 is 0
	if b&sign != 0 {
		return ^b
	}
	return b | sign
}
