package bidding

import "adsteward/internal/civil"

// Platforms leave out the days on which nothing was served, so that a day without a
// row was either such a day or is not reported. Which of them cannot be told, and
// while it matters nothing is changed.

// hole is days of which nothing at all is reported of an ad account, between days that
// have rows.
type hole struct{ from, to civil.Date }

// holeDays is how long a hole holds changes back: as long as spend is compared with
// budgets. What a platform reports late fills it meanwhile, for so many days are read
// again each night.
const holeDays = compareDays

// holes are the holes of more than so many days. A weekday on which it has nothing in
// the weeks beside either is a day on which it does not advertise.
func (a *Account) holes(most int) (out []hole) {
	has := map[civil.Date]bool{}
	first, last := a.Today, civil.Date(0)
	for _, s := range a.Performance {
		for _, d := range s.Days {
			if !s.Part && d.Date < a.Today {
				has[d.Date] = true
				first, last = min(first, d.Date), max(last, d.Date)
			}
		}
	}
	missing, from := 0, first
	for d := first; d <= last; d++ {
		switch {
		case has[d]:
			if missing > most {
				out = append(out, hole{from, d - 1})
			}
			missing, from = 0, d+1
		case has[d-7] || has[d+7]:
			missing++
		}
	}
	return out
}

// lastData is the newest day up to which figures of the unit are there: no newer than
// its own newest row, and before any hole that is not old.
func (u *unit) lastData() civil.Date {
	last := u.account.LastData
	if n := len(u.days); n > 0 {
		last = min(last, u.days[n-1].Date)
	}
	for _, h := range u.holes {
		if u.account.Today.Sub(h.to) <= holeDays {
			last = min(last, h.from-1)
		}
	}
	return last
}

// unreported is how many days since a date lie in holes: they are no days without
// spend.
func (u *unit) unreported(since civil.Date) (n int) {
	for _, h := range u.holes {
		n += max(h.to.Sub(max(h.from, since))+1, 0)
	}
	return n
}
