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

// ReadPanel reads rows of date, geo, sales and cost; sales may be called revenue
// or response, and cost may be absent. Regions come in the order of their names, numbers by
// value. A region and day without a row count as nothing sold and spent; absent is
// how many there are. Errors are a *BadInput or r's.
func ReadPanel(r io.Reader) (p *Panel, absent int, err error) {
	t, err := open(r, "date|day", "geo|region", "sales|revenue|response|value", "cost|spend?")
	if err != nil {
		return nil, 0, err
	}
	type cell struct{ response, cost float64 }
	rows := map[string]map[civil.Date]cell{}
	var first, last civil.Date
	for n := 0; ; n++ {
		if err := t.next(); err == io.EOF {
			break
		} else if err != nil {
			return nil, 0, err
		}
		day, err := t.date("date")
		if err != nil {
			return nil, 0, err
		}
		geo, err := t.text("geo")
		if err != nil {
			return nil, 0, err
		}
		var c cell
		if c.response, err = t.number("sales"); err != nil { // refunds can make a day negative
			return nil, 0, err
		}
		if c.cost, err = t.amount("cost"); err != nil {
			return nil, 0, err
		}
		if n == 0 {
			first, last = day, day
		}
		first, last = min(first, day), max(last, day)
		if last.Sub(first) > maxSpan {
			return nil, 0, t.fault("date", "%v makes the data span more than ten years; correct the date", day)
		}
		if rows[geo] == nil {
			rows[geo] = map[civil.Date]cell{}
		}
		if _, twice := rows[geo][day]; twice {
			return nil, 0, t.fault("geo", "%s has a second row for %v; sum them into one", geo, day)
		}
		rows[geo][day] = c
	}
	if len(rows) == 0 {
		return nil, 0, &BadInput{What: "holds no row"}
	}
	p = &Panel{First: first}
	n := last.Sub(first) + 1
	for geo, days := range rows {
		p.Geos = append(p.Geos, geo)
		absent += n - len(days)
	}
	slices.SortFunc(p.Geos, byNumber)
	for _, geo := range p.Geos {
		response, cost := make([]float64, n), make([]float64, n)
		for day, c := range rows[geo] {
			response[day.Sub(first)], cost[day.Sub(first)] = c.response, c.cost
		}
		p.Response, p.Cost = append(p.Response, response), append(p.Cost, cost)
	}
	return p, absent, nil
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
