package attribution

// rows keeps journeys one by one, to draw from them again.
type rows struct {
	channels []int32 // of all paths, one after the other
	ages     []float64
	at       []int // where each path begins in channels
	ends     []end
	marks    []int // rows there were at the end of each block
}

func (r *rows) add(path []int32, ages []float64, e end) {
	r.at = append(r.at, len(r.channels))
	if ages != nil { // rows before it without ages have led to nothing, and need none
		r.ages = append(r.ages, make([]float64, len(r.channels)-len(r.ages))...)
		r.ages = append(r.ages, ages...)
	}
	r.channels = append(r.channels, path...)
	r.ends = append(r.ends, e)
}

// row is one journey; ages are nil where there are none.
func (r *rows) row(i int) (path []int32, ages []float64, e end) {
	from, to := r.at[i], len(r.channels)
	if i+1 < len(r.at) {
		to = r.at[i+1]
	}
	if len(r.ages) >= to {
		ages = r.ages[from:to]
	}
	return r.channels[from:to], ages, r.ends[i]
}

// mark ends a block of rows.
func (r *rows) mark() { r.marks = append(r.marks, len(r.ends)) }

// block is the rows of a block.
func (r *rows) block(k int) (from, to int, ok bool) {
	if k >= len(r.marks) {
		return 0, 0, false
	}
	if k > 0 {
		from = r.marks[k-1]
	}
	return from, r.marks[k], true
}

// deal puts the rows of counters together in the order of the file, whose blocks
// went to one counter after the other.
func (j *Journeys) deal(counters []*counter) {
	all := &rows{}
	ids := make([][]int32, len(counters))
	for i, c := range counters {
		ids[i] = j.known(c.names)
	}
	var path []int32
	for k := 0; ; k++ {
		c := counters[k%len(counters)]
		from, to, ok := c.rows.block(k / len(counters))
		if !ok {
			break
		}
		for i := from; i < to; i++ {
			own, ages, e := c.rows.row(i)
			path = path[:0]
			for _, id := range own {
				path = append(path, ids[k%len(counters)][id])
			}
			all.add(path, ages, e)
		}
	}
	j.rows = all
}
