package sandbox

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox/faults"
)

// control is the endpoint for whoever drives a sandbox from outside:
//
//	GET    /state                        the market's day, its scenario, the addresses
//	POST   /advance                      {"to": "2026-01-05"} or {"days": 1}
//	POST   /faults                       a JSON array of rules, added
//	DELETE /faults                       no more rules
//	GET    /shop/2026-01-04/orders.csv   likewise carts, touches, consents, costs
//	GET    /shop/feed.xml                the product feed
func (s *Sandbox) control() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { s.writeState(w) })
	mux.HandleFunc("POST /advance", s.advance)
	mux.HandleFunc("POST /faults", s.addFaults)
	mux.HandleFunc("DELETE /faults", func(w http.ResponseWriter, _ *http.Request) {
		s.faults.Clear()
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /shop/{day}/{file}", s.shopFile)
	mux.HandleFunc("GET /shop/feed.xml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		_ = s.writeFeed(w) // the client may be gone
	})
	return mux
}

func (s *Sandbox) writeState(w http.ResponseWriter) {
	sc := s.market.Scenario()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
		"today": s.market.Today(), "name": sc.Name, "start": sc.Start, "nights": sc.Nights, "currency": sc.Currency,
		"time_zone": sc.TimeZone, "history_from": sc.Start.AddDays(-sc.History), "shop_from": s.market.ShopFirst(), "info": s.info,
	})
}

// maxAdvance bounds one request, so that a slip of the keyboard does not run for hours.
const maxAdvance = 3660

func (s *Sandbox) advance(w http.ResponseWriter, r *http.Request) {
	var req struct {
		To   civil.Date `json:"to"`
		Days int        `json:"days"`
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		http.Error(w, `send {"to": "2026-01-05"} or {"days": 1}: `+err.Error(), http.StatusBadRequest)
		return
	}
	to := req.To
	if to.IsZero() {
		to = s.market.Today().AddDays(req.Days)
	}
	if n := to.Sub(s.market.Today()); n < 0 || n > maxAdvance {
		http.Error(w, "the clock goes forward only, and at most ten years at a time", http.StatusBadRequest)
		return
	}
	s.Advance(to)
	s.writeState(w)
}

func (s *Sandbox) addFaults(w http.ResponseWriter, r *http.Request) {
	rules, err := faults.ReadRules(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, rule := range rules {
		s.faults.Add(rule)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Sandbox) shopFile(w http.ResponseWriter, r *http.Request) {
	day, err := civil.Parse(r.PathValue("day"))
	name, isCSV := strings.CutSuffix(path.Base(r.PathValue("file")), ".csv")
	if err != nil || !isCSV || !isShopTable(name) {
		http.Error(w, "ask for /shop/2026-01-04/orders.csv, carts.csv, touches.csv, consents.csv or costs.csv", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	_ = s.writeTable(w, name, day, day) // the client may be gone
}
