package ltv

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"adsteward/internal/civil"
)

// FirstValue is the covariate that every file has: the logarithm of the value of
// the first order day, or of 2 % of the mean where that is more.
const FirstValue = "first_value"

// Columns are cells of an order file by customer, each of the customer's earliest
// order, and what its orders cost where that is asked for.
type Columns struct {
	names []string
	of    map[string][]string
	costs map[string][]costed
}

// ReadColumns reads the named columns of a file that ReadOrders reads, and the
// column cost, unless that is "". What is wrong with other cells ReadOrders says.
// The error is a *BadRow where the header lacks a name or a cost is none.
func ReadColumns(in io.Reader, names []string, cost string) (*Columns, error) {
	r := csv.NewReader(skipBOM(in))
	r.ReuseRecord, r.FieldsPerRecord = true, -1
	header, err := r.Read()
	if err != nil {
		return nil, badCSV(err, 1)
	}
	wanted := append([]string{"customer_id", "date", "value"}, names...)
	if cost != "" {
		wanted = append(wanted, cost)
	}
	at := make([]int, len(wanted))
	for i, name := range wanted {
		at[i] = slices.IndexFunc(header, func(cell string) bool { return strings.EqualFold(strings.TrimSpace(cell), name) })
		if at[i] < 0 {
			return nil, &BadRow{1, name, "the header lacks it; name a column of the file, or " + FirstValue + " as a covariate"}
		}
	}
	c := &Columns{names: names, of: map[string][]string{}, costs: map[string][]costed{}}
	earliest := map[string]civil.Date{}
	for {
		rec, err := r.Read()
		if err == io.EOF {
			return c, nil
		}
		if err != nil {
			return nil, badCSV(err, 1)
		}
		if len(rec) != len(header) {
			continue
		}
		id := rec[at[0]]
		day, err := readDay(rec[at[1]])
		if err != nil {
			continue
		}
		if cost != "" {
			cell := at[len(at)-1]
			o := costed{day: day}
			var reason string
			if o.value, _ = readValue(rec[at[2]]); rec[cell] == "" {
				o.cost = math.NaN()
			} else if o.cost, reason = readValue(rec[cell]); reason != "" {
				line, _ := r.FieldPos(cell)
				return nil, &BadRow{line, cost, fmt.Sprintf("%q %s", rec[cell], strings.Replace(reason, "; take a refund off the order it belongs to", "; write what the order cost", 1))}
			}
			id = strings.Clone(id)
			c.costs[id] = append(c.costs[id], o)
		}
		if known, ok := earliest[id]; ok && known <= day {
			continue
		}
		cells := make([]string, len(names))
		for i := range names {
			cells[i] = strings.Clone(strings.TrimSpace(rec[at[3+i]]))
		}
		key := strings.Clone(id)
		earliest[key], c.of[key] = day, cells
	}
}

// cells are those of the named column, one for each history.
func (c *Columns) cells(name string, histories []History) []string {
	i := slices.Index(c.names, name)
	out := make([]string, len(histories))
	for j := range histories {
		if cells := c.of[histories[j].CustomerID]; cells != nil {
			out[j] = cells[i]
		}
	}
	return out
}

// Scale is what a number was taken relative to: it counts (number - Mean) / SD.
type Scale struct {
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
}

// Design is the covariates of customers as numbers: each number standardised,
// each text as indicators of its levels but the most common. Customers with the
// same ones share a pattern.
type Design struct {
	Names    []string
	patterns [][]float64
	of       []int32 // pattern by history
	scales   map[string]Scale
}

// effects is how many effects a model has on a design.
func (d *Design) effects(m Model) int {
	if m == NBD {
		return len(d.Names)
	}
	return 2 * len(d.Names)
}

func (d *Design) z(i int) []float64 {
	if d == nil {
		return nil
	}
	return d.patterns[d.of[i]]
}

// NewDesign makes the named covariates of histories into a design. Warnings say
// what was pooled or missing; the error is a *Refused where a covariate cannot
// serve.
func NewDesign(names []string, columns *Columns, histories []History) (d *Design, warnings []string, err error) {
	d = &Design{scales: map[string]Scale{}}
	var z [][]float64 // by covariate and history
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return nil, nil, &Refused{fmt.Sprintf("covariate %s is named twice", name)}
		}
		var w []string
		var cols [][]float64
		var levels []string
		if name == FirstValue {
			cols, levels, w, err = d.number(name, firstValues(histories))
		} else if cells := columns.cells(name, histories); numeric(cells) {
			cols, levels, w, err = d.number(name, numbers(cells))
		} else {
			cols, levels, w, err = indicators(name, cells, histories)
		}
		if err != nil {
			return nil, nil, err
		}
		z, d.Names, warnings = append(z, cols...), append(d.Names, levels...), append(warnings, w...)
	}
	if len(d.Names) > maxCovariates {
		return nil, nil, &Refused{fmt.Sprintf("%d covariates are more than the %d a model is fitted with; name fewer columns", len(d.Names), maxCovariates)}
	}
	known := map[string]int32{}
	var key []byte
	for i := range histories {
		row := make([]float64, len(z))
		key = key[:0]
		for j := range z {
			row[j] = z[j][i]
			key = strconv.AppendUint(append(key, ' '), math.Float64bits(row[j]), 36)
		}
		p, ok := known[string(key)]
		if !ok {
			p = int32(len(d.patterns))
			known[string(key)] = p
			d.patterns = append(d.patterns, row)
		}
		d.of = append(d.of, p)
	}
	return d, warnings, nil
}

// The most covariates, and how many customers a level needs, at least and as a
// share, to have an effect of its own.
const (
	maxCovariates = 30
	levelLeast    = 30
	levelShare    = 0.01
)

// firstFloor is the least a first order counts as for its logarithm, as a share
// of the mean: one worth nothing has none.
const firstFloor = 0.02

func firstValues(histories []History) []float64 {
	out := make([]float64, len(histories))
	var sum float64
	for i := range histories {
		sum += histories[i].FirstValue / float64(len(histories))
	}
	for i := range histories {
		out[i] = math.Log(max(histories[i].FirstValue, firstFloor*sum))
	}
	return out
}

// numeric says whether all cells that hold something hold a number, and any does.
func numeric(cells []string) bool {
	some := false
	for _, s := range cells {
		if s == "" {
			continue
		}
		if v, err := strconv.ParseFloat(s, 64); err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
		some = true
	}
	return some
}

func numbers(cells []string) []float64 {
	out := make([]float64, len(cells))
	for i, s := range cells {
		var err error
		if out[i], err = strconv.ParseFloat(s, 64); err != nil {
			out[i] = math.NaN() // empty
		}
	}
	return out
}

// number standardises; a missing one counts as the mean.
func (d *Design) number(name string, v []float64) (cols [][]float64, names, warnings []string, err error) {
	var sum corrSums
	for _, x := range v {
		if !math.IsNaN(x) {
			sum.add(x, x, 1)
		}
	}
	sd := math.Sqrt(sum.xx / max(1, sum.n))
	if !(sd > 1e-9*math.Abs(sum.mx)) || math.IsInf(sd, 0) {
		return nil, nil, nil, &Refused{fmt.Sprintf("covariate %s is the same for all customers; leave it out", name)}
	}
	if missing := float64(len(v)) - sum.n; missing > 0 {
		warnings = append(warnings, fmt.Sprintf("covariate %s: %.0f customers have no number in it and count as average", name, missing))
	}
	d.scales[name] = Scale{sum.mx, sd}
	z := make([]float64, len(v))
	for i, x := range v {
		if !math.IsNaN(x) {
			z[i] = (x - sum.mx) / sd
		}
	}
	return [][]float64{z}, []string{name}, warnings, nil
}

// The names of levels of a text that stand for no text, and for rare ones pooled.
const (
	noLevel    = "(none)"
	otherLevel = "other"
)

// indicators makes a text into indicators of its levels but the most common.
// Rare levels are pooled, and so are those in which nobody ordered again: their
// rate would have no lower end.
func indicators(name string, cells []string, histories []History) (cols [][]float64, names, warnings []string, err error) {
	count, again := map[string]int{}, map[string]int{}
	for i, s := range cells {
		s = cmp.Or(s, noLevel)
		cells[i] = s
		count[s]++
		again[s] += min(histories[i].Frequency, 1)
	}
	if len(count) < 2 {
		return nil, nil, nil, &Refused{fmt.Sprintf("covariate %s is the same for all customers; leave it out", name)}
	}
	least := max(levelLeast, int(math.Ceil(levelShare*float64(len(cells)))))
	pooled := map[string]bool{}
	for s, n := range count {
		if n < least || again[s] == 0 {
			pooled[s] = true
			if n >= least {
				warnings = append(warnings, fmt.Sprintf("covariate %s: none of the %d customers of %q ordered again, so that it has no effect of its own and is counted as %q", name, n, s, otherLevel))
			}
		}
	}
	slices.Sort(warnings)
	count, again = map[string]int{}, map[string]int{}
	for i, s := range cells {
		if pooled[s] {
			s = otherLevel
			cells[i] = s
		}
		count[s]++
		again[s] += min(histories[i].Frequency, 1)
	}
	levels := make([]string, 0, len(count))
	for s := range count {
		levels = append(levels, s)
	}
	// The most common one with repeat orders first: it is what others are held against.
	slices.SortFunc(levels, func(a, b string) int {
		return cmp.Or(min(again[b], 1)-min(again[a], 1), count[b]-count[a], cmp.Compare(a, b))
	})
	for _, s := range levels[1:] {
		if s == otherLevel && (count[s] < levelLeast || again[s] == 0) {
			warnings = append(warnings, fmt.Sprintf("covariate %s: %d customers of rare levels are too few for an effect and count as %q", name, count[s], levels[0]))
			continue
		}
		z := make([]float64, len(cells))
		for i, cell := range cells {
			if cell == s {
				z[i] = 1
			}
		}
		cols, names = append(cols, z), append(names, name+"="+s)
	}
	if len(cols) == 0 {
		return nil, nil, nil, &Refused{fmt.Sprintf("covariate %s has no two levels of at least %d customers with repeat orders among them; leave it out", name, least)}
	}
	return cols, names, warnings, nil
}

// merge turns histories into rows, those of equal customers with equal covariates
// into one.
func (d *Design) merge(histories []History, unitDays float64) ([]covRow, shape) {
	type key struct {
		rowKey
		pattern int32
	}
	index := make(map[key]int, len(histories))
	var rows []covRow
	for i := range histories {
		h := &histories[i]
		k := key{rowKey{h.Frequency, h.Recency, h.Age}, d.of[i]}
		at, ok := index[k]
		if !ok {
			at = len(rows)
			index[k] = at
			rows = append(rows, covRow{Row{h.Frequency, h.Recency / unitDays, h.Age / unitDays, 0}, d.of[i]})
		}
		rows[at].N++
	}
	plain := make([]Row, len(rows))
	for i := range rows {
		plain[i] = rows[i].Row
	}
	return rows, shapeOf(plain)
}
