package lift

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"adsteward/internal/civil"
)

// maxSpan bounds what a mistyped year makes of a panel.
const maxSpan = 3660

// ReadPanel reads rows of date, geo, sales, cost and claimed (what the platform
// claims of the sales there). Sales may be called revenue or response; cost and
// claimed may be absent. Regions come in the order of their names, numbers by
// value. A region and day without a row count as nothing sold and spent; absent is
// how many there are. Errors are a *BadInput or r's.
func ReadPanel(r io.Reader) (p *Panel, absent int, err error) {
	t, err := open(r, "date|day", "geo|region", "sales|revenue|response|value", "cost|spend?", "claimed?")
	if err != nil {
		return nil, 0, err
	}
	c := cells{rows: map[string]map[civil.Date]cell{}}
	for {
		if err := t.next(); err == io.EOF {
			break
		} else if err != nil {
			return nil, 0, err
		}
		if err := c.add(t); err != nil {
			return nil, 0, err
		}
	}
	if len(c.rows) == 0 {
		return nil, 0, &BadInput{What: "holds no row"}
	}
	p = &Panel{First: c.first}
	n := c.last.Sub(c.first) + 1
	for geo, days := range c.rows {
		p.Geos = append(p.Geos, geo)
		absent += n - len(days)
	}
	slices.SortFunc(p.Geos, byNumber)
	p.Response = c.table(p.Geos, func(x cell) float64 { return x.response })
	if t.has("cost") {
		p.Cost = c.table(p.Geos, func(x cell) float64 { return x.cost })
	}
	if t.has("claimed") {
		p.Claimed = c.table(p.Geos, func(x cell) float64 { return x.claimed })
	}
	return p, absent, nil
}

// cells are what was read of a panel.
type cells struct {
	rows        map[string]map[civil.Date]cell
	first, last civil.Date
}

type cell struct{ response, cost, claimed float64 }

// add reads a row.
func (c *cells) add(t *table) error {
	day, err := t.date("date")
	if err != nil {
		return err
	}
	geo, err := t.text("geo")
	if err != nil {
		return err
	}
	var x cell
	if x.response, err = t.number("sales"); err != nil { // refunds can make a day negative
		return err
	}
	if x.cost, err = t.amount("cost"); err != nil {
		return err
	}
	if x.claimed, err = t.amount("claimed"); err != nil {
		return err
	}
	if len(c.rows) == 0 {
		c.first, c.last = day, day
	}
	c.first, c.last = min(c.first, day), max(c.last, day)
	if c.last.Sub(c.first) > maxSpan {
		return t.fault("date", "%v makes the data span more than ten years; correct the date", day)
	}
	if c.rows[geo] == nil {
		c.rows[geo] = map[civil.Date]cell{}
	}
	if _, twice := c.rows[geo][day]; twice {
		return t.fault("geo", "%s has a second row for %v; sum them into one", geo, day)
	}
	c.rows[geo][day] = x
	return nil
}

// table is one figure by geo and day.
func (c *cells) table(geos []string, of func(cell) float64) [][]float64 {
	out := make([][]float64, len(geos))
	for i, geo := range geos {
		out[i] = make([]float64, c.last.Sub(c.first)+1)
		for day, x := range c.rows[geo] {
			out[i][day.Sub(c.first)] = of(x)
		}
	}
	return out
}

// byNumber orders names, those that are numbers by their value.
func byNumber(a, b string) int {
	if a, b := strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0"); isNumber(a) && isNumber(b) && a != b {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	}
	return cmp.Compare(a, b)
}

func isNumber(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// ReadAssignment reads rows of geo and group, which is control or treatment, or 1
// or 2 as the R package GeoexperimentsResearch has it under geo.group; other groups
// are left out. A column pair, where there is one, names the stratum within which
// treatment was drawn; strata is nil without. Regions without a row are left out; a
// row for a region the panel does not have is an error.
func ReadAssignment(r io.Reader, p *Panel) (arms []Arm, strata []int, err error) {
	t, err := open(r, "geo|region", "group|geo.group|arm", "pair|stratum?")
	if err != nil {
		return nil, nil, err
	}
	arms = make([]Arm, len(p.Geos))
	named := map[string]int{}
	if t.has("pair") {
		strata = make([]int, len(p.Geos))
	}
	at := map[string]int{}
	for i, g := range p.Geos {
		at[g] = i
	}
	seen := make([]bool, len(p.Geos))
	for {
		if err := t.next(); err == io.EOF {
			return arms, strata, nil
		} else if err != nil {
			return nil, nil, err
		}
		geo, err := t.text("geo")
		if err != nil {
			return nil, nil, err
		}
		i, ok := at[geo]
		switch {
		case !ok:
			return nil, nil, t.fault("geo", "%q is not in the data", geo)
		case seen[i]:
			return nil, nil, t.fault("geo", "%q has a second row", geo)
		}
		seen[i] = true
		group, err := t.text("group")
		if err != nil {
			return nil, nil, err
		}
		if arms[i], err = armOf(group); err != nil {
			return nil, nil, t.fault("group", "%v", err)
		}
		if strata != nil {
			pair, err := t.text("pair")
			if err != nil {
				return nil, nil, err
			}
			if _, ok := named[pair]; !ok {
				named[pair] = len(named)
			}
			strata[i] = named[pair]
		}
	}
}

func armOf(group string) (Arm, error) {
	switch strings.ToLower(group) {
	case "1", "control":
		return Control, nil
	case "2", "treatment", "treated", "test":
		return Treated, nil
	case "0", "none", "left out", "excluded":
		return LeftOut, nil
	}
	return LeftOut, fmt.Errorf("%q is no group; write treatment, control or excluded", group)
}
