package attribution

import "math"

// Journeys are counts of journeys: enough for every model, and no larger however
// many journeys there are. Parts that were counted apart can be merged.
type Journeys struct {
	names []string
	ids   map[string]int32
	rules rules
	grams *grams

	conversions, value, nulls sum

	path []int32 // the row being added
}

// Totals are what every model splits.
type Totals struct {
	Journeys    float64 `json:"journeys"` // conversions and nulls
	Conversions float64 `json:"conversions"`
	Value       float64 `json:"value"`
}

// newJourneys returns no journeys. order is the highest order of the Markov
// model they are to serve.
func newJourneys(order int) *Journeys {
	return &Journeys{ids: map[string]int32{}, grams: newGrams(order)}
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
		j.rules.grow(len(j.names))
	}
	return id
}

// add adds a row; the path has a channel, and the counts are finite and not
// negative.
func (j *Journeys) add(path []int32, conversions, value, nulls float64) {
	j.conversions.add(conversions)
	j.value.add(value)
	j.nulls.add(nulls)
	if conversions > 0 || value > 0 {
		j.rules.add(path, conversions, value)
	}
	if conversions+nulls > 0 {
		j.grams.add(path, end{conversions, value, nulls})
	}
}

// merge adds what o has counted, to the same order.
func (j *Journeys) merge(o *Journeys) {
	ids := make([]int32, len(o.names))
	for i, name := range o.names {
		ids[i] = j.channel([]byte(name))
	}
	j.conversions.merge(o.conversions)
	j.value.merge(o.value)
	j.nulls.merge(o.nulls)
	j.rules.merge(&o.rules, ids)
	j.grams.merge(o.grams, ids)
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
