package bidding

import (
	"cmp"
	"fmt"
	"slices"

	"adsteward/bidding/response"
	"adsteward/internal/civil"
)

// dayTotal is what a unit came to on one date, value lag-corrected.
type dayTotal struct {
	spend, value float64
	conditions   float64 // spend times what these made of the value
}

// factor is how many times as much as its curve says the day's conditions let it bring.
func (t dayTotal) factor() float64 {
	if t.spend <= 0 {
		return 1
	}
	return t.conditions / t.spend
}

// totals adds up a unit's campaigns by date.
func (m *Meter) totals(u *UnitReport, from, to civil.Date) map[civil.Date]dayTotal {
	out := map[civil.Date]dayTotal{}
	a := m.account[[2]string{string(u.Platform), u.AdAccount}]
	if a == nil {
		return out
	}
	effect := m.effects[u.Curve.Unit]
	usual := effect.Factor(u.Curve.Usual)
	for _, r := range u.Campaigns {
		days := m.days[Key{u.Platform, u.AdAccount, r}]
		i, _ := slices.BinarySearchFunc(days, from, func(d response.Day, t civil.Date) int { return d.Date.Sub(t) })
		for ; i < len(days) && days[i].Date <= to && days[i].Date < a.Today; i++ {
			d, x := days[i], out[days[i].Date]
			out[d.Date] = dayTotal{x.spend + d.Spend, x.value + d.Value/a.lag().At(a.Today.Sub(d.Date)), x.conditions + d.Spend*effect.Factor(d.Conditions)/usual}
		}
	}
	return out
}

// out reports whether tracking of a unit was down.
func (m *Meter) out(u *UnitReport, d civil.Date) bool {
	p := string(u.Platform)
	return m.down[response.Outage{Platform: p, Date: d}] || m.down[response.Outage{Platform: p, Unit: u.Key.String(), Date: d}]
}

// used are the days that count, and in the outturn how many, and why not the others.
func (m *Meter) used(o *Outturn, a AppliedChange, units []followed) []civil.Date {
	var days []civil.Date
	var reasons []string
	leftOut := map[string]int{}
	totals := make([]map[civil.Date]dayTotal, len(units))
	for i := range units {
		totals[i] = m.totals(&units[i].UnitReport, o.From, o.To)
	}
	for d := o.From; d <= o.To; d++ {
		down, spent, shifted := false, 0.0, ""
		for i := range units {
			down = down || m.out(&units[i].UnitReport, d)
			spent += totals[i][d].spend
			shifted = cmp.Or(shifted, m.shifted(&units[i].UnitReport, a.From, d))
		}
		why := ""
		switch {
		case down:
			why = "of a tracking outage"
		case a.Starved[d]:
			why = "with goods out of stock"
		case !(spent > 0):
			why = "without spend"
		case shifted != "":
			why = shifted
		default:
			days = append(days, d)
			continue
		}
		if leftOut[why] == 0 {
			reasons = append(reasons, why)
		}
		leftOut[why]++
	}
	o.Days = len(days)
	for _, why := range reasons {
		if n := leftOut[why]; n == 1 {
			o.LeftOut = append(o.LeftOut, "1 day "+why)
		} else {
			o.LeftOut = append(o.LeftOut, fmt.Sprintf("%d days %s", n, why))
		}
	}
	return days
}

func (a *AppliedChange) weekday(u *UnitReport, d civil.Date) float64 {
	if f, ok := a.DayOfWeek[string(u.Platform)]; ok && f[d.Weekday()] > 0 {
		return f[d.Weekday()]
	}
	return 1
}
