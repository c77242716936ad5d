package pagedata

import (
	"time"

	"adsteward/feeds"
)

// Report sums up what the landing pages of a feed's items showed.
type Report struct {
	Now      time.Time    `json:"-"`     // by which a sale price is in force or not
	Pages    int          `json:"pages"` // looked at
	Agree    int          `json:"agree"` // of them, without a finding
	ByKind   map[Kind]int `json:"by_kind"`
	Findings []Finding    `json:"findings"`
}

// Add judges an item's page and counts it.
func (r *Report) Add(it feeds.Item, v Visit) []Finding {
	found := Judge(it, v, r.Now)
	r.Pages++
	if len(found) == 0 {
		r.Agree++
	}
	r.note(found...)
	return found
}

// AddAbsent counts ids that were asked for and are not in the feed.
func (r *Report) AddAbsent(ids []string) {
	for _, id := range ids {
		r.note(Absent(id))
	}
}

func (r *Report) note(found ...Finding) {
	if r.ByKind == nil {
		r.ByKind, r.Findings = map[Kind]int{}, []Finding{}
	}
	for _, f := range found {
		r.ByKind[f.Kind]++
		r.Findings = append(r.Findings, f)
	}
}

// Errors counts the findings that are errors.
func (r *Report) Errors() (n int) {
	for _, f := range r.Findings {
		if f.Severity == feeds.Error {
			n++
		}
	}
	return n
}
