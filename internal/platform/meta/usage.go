package meta

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"golang.org/x/time/rate"
)

// load is what Meta's usage headers say: the fullest of all limits in percent,
// and the longest wait until a limit is lifted.
type load struct {
	percent float64
	regain  time.Duration
}

// maxRegain bounds the wait: a header that says more is not believed.
const maxRegain = 24 * time.Hour

// slowAbove is the load in percent from which on the client goes slower.
const slowAbove = 75

// readLoad reads X-App-Usage, X-Ad-Account-Usage and X-Business-Use-Case-Usage.
// A header that cannot be read is passed over: it is advice.
func readLoad(h http.Header) load {
	var l load
	use := func(percents ...float64) { l.percent = max(l.percent, slices.Max(percents)) }
	wait := func(seconds float64) { // bounded before it becomes a Duration, which would overflow
		l.regain = max(l.regain, time.Duration(min(seconds, maxRegain.Seconds())*float64(time.Second)))
	}

	type counts struct {
		Calls  float64 `json:"call_count"`
		CPU    float64 `json:"total_cputime"`
		Time   float64 `json:"total_time"`
		Regain float64 `json:"estimated_time_to_regain_access"` // minutes
	}
	var app counts
	if json.Unmarshal([]byte(h.Get("X-App-Usage")), &app) == nil {
		use(app.Calls, app.CPU, app.Time)
	}
	var account struct {
		Percent float64 `json:"acc_id_util_pct"`
		Reset   float64 `json:"reset_time_duration"` // seconds
	}
	if json.Unmarshal([]byte(h.Get("X-Ad-Account-Usage")), &account) == nil {
		use(account.Percent)
		if account.Percent >= 100 {
			wait(account.Reset)
		}
	}
	var cases map[string][]counts
	if json.Unmarshal([]byte(h.Get("X-Business-Use-Case-Usage")), &cases) == nil {
		for _, list := range cases {
			for _, k := range list {
				use(k.Calls, k.CPU, k.Time)
				wait(60 * k.Regain)
			}
		}
	}
	return l
}

func regainAccess(h http.Header) time.Duration { return readLoad(h).regain }

// slowDown lowers the rate of calls as the limits come near, to a fiftieth at
// 100 %, and raises it again when they are far.
func (c *Client) slowDown(h http.Header) {
	if h == nil {
		return
	}
	c.limiter.SetLimit(pacedRate(c.cfg.CallsPerSecond, readLoad(h).percent))
}

func pacedRate(perSecond, percent float64) rate.Limit {
	if percent <= slowAbove {
		return rate.Limit(perSecond)
	}
	return rate.Limit(perSecond * max(0.02, (100-percent)/(100-slowAbove)))
}
