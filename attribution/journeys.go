package attribution

import "math"

// Journeys are counts of journeys: enough for every model, and no larger however
// many journeys there are. Parts that were counted apart can be merged.
type Journeys struct {
	names []string
	ids   map[string]int32
	rules rules
	grams *grams
	sets  *sets // nil where they are not counted
	rows  *rows // nil where they are not kept

	conversions, value, nulls sum

	path []int32 // the row being added
}

// Totals are what every model splits.
type Totals struct {
	Journeys    float64 `json:"journeys"` // conversions and nulls
	Conversions float64 `json:"conversions"`
	Value       float64 `json:"value"`
}

// newJourneys returns no journeys, to be counted as o says.
func newJourneys(o Options) *Journeys {
	o = o.normal()
	j := &Journeys{ids: map[string]int32{}, grams: newGrams(o.Order), rules: newRules(o)}
	if o.Sets {
		j.sets = newSets()
	}
	if o.Keep {
		j.rows = &rows{}
	}
	return j
}

// Totals sums up all journeys that have a channel.
func (j *Journeys) Totals() Totals {
	c := j.conversions.total()
	return Totals{Journeys: c + j.nulls.total(), Conversions: c, Value: j.value.total()}
}

// channel returns the id of a name. The name is copied where it is new.
func (j *Journeys) channel(name []byte) int32 {
	id, ok := j.ids[string(name)]
	if !ok {
		id = int32(len(j.names))
		j.names = append(j.names, string(name))
		j.ids[j.names[id]] = id
		j.rules.grow(j.names[id])
	}
	return id
}

// add adds a row; the path has a channel, and the counts are finite and not
// negative. ages are as rules.add takes them.
func (j *Journeys) add(path []int32, ages []float64, e end) {
	j.conversions.add(e.conv)
	j.value.add(e.value)
	j.nulls.add(e.nulls)
	if e.conv > 0 || e.value != 0 {
		j.rules.add(path, ages, e.conv, e.value)
	}
	if e.conv+e.nulls > 0 {
		j.grams.add(path, e)
	}
	if j.sets != nil {
		j.sets.add(path, e)
	}
	if j.rows != nil {
		j.rows.add(path, ages, e)
	}
}

// merge adds what o has counted, in the same way. Rows are not merged.
func (j *Journeys) merge(o *Journeys) {
	ids := j.known(o.names)
	j.conversions.merge(o.conversions)
	j.value.merge(o.value)
	j.nulls.merge(o.nulls)
	j.rules.merge(&o.rules, ids)
	j.grams.merge(o.grams, ids)
	if j.sets != nil {
		j.sets.merge(o.sets, ids)
	}
}

// known returns the ids of names.
func (j *Journeys) known(names []string) []int32 {
	ids := make([]int32, len(names))
	for i, name := range names {
		ids[i] = j.channel([]byte(name))
	}
	return ids
}

// sum adds without losing what is small beside the total (Neumaier 1974), so
// that credits sum to their totals after any number of rows.
type sum struct{ high, low float64 }

func (s *sum) add(x float64) {
	t := s.high + x
	if math.Abs(s.high) >= math.Abs(x) {
		s.low += s.high - t + x
	} else {
		s.low += x - t + s.high
	}
	s.high = t
}

func (s *sum) merge(o sum) {
	s.add(o.high)
	s.add(o.low)
}

func (s sum) total() float64 { return s.high + s.low }
