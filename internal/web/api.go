package web

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"

	"adsteward/bidding"
	"adsteward/internal/civil"
	"adsteward/internal/present"
	"adsteward/store"
)

// apiProposals answers GET /api/proposals?account=&run=&platform=&state=&limit=
// with an array of whole proposals, newest first; state may be repeated.
func (s *Server) apiProposals(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	f := store.Filter{Account: q.Get("account"), RunID: q.Get("run"), Platform: q.Get("platform"), States: q["state"], Limit: history}
	for _, st := range f.States {
		if !slices.Contains(bidding.States, bidding.State(st)) {
			return badRequest("There is no state " + strconv.Quote(st) + ".")
		}
	}
	if l := q.Get("limit"); l != "" {
		n, err := strconv.Atoi(l)
		if err != nil || n < 1 {
			return badRequest("limit is a number from 1.")
		}
		f.Limit = n
	}
	ps, err := s.store.Proposals(r.Context(), f)
	if err != nil {
		return err
	}
	out, err := present.Proposals(ps)
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, out)
	return nil
}

// apiStatus answers GET /api/status?account= with the stages of the latest runs,
// the newest date of data by ad account, and the kill switch.
func (s *Server) apiStatus(w http.ResponseWriter, r *request) error {
	type data struct {
		Platform  string     `json:"platform"`
		AdAccount string     `json:"ad_account"`
		LastDate  civil.Date `json:"last_date"`
	}
	status := struct {
		Runs       []present.StageRow `json:"runs"`
		Data       []data             `json:"data"`
		KillSwitch bool               `json:"kill_switch"`
	}{Runs: []present.StageRow{}, Data: []data{}}
	ctx, account := r.Context(), r.URL.Query().Get("account")
	runs, err := s.store.Runs(ctx, account, 7)
	if err != nil {
		return err
	}
	for _, run := range runs {
		stages, err := s.store.Stages(ctx, run.RunID)
		if err != nil {
			return err
		}
		status.Runs = append(status.Runs, present.StageRows(run, stages)...)
	}
	last, err := s.store.LastPerformance(ctx, account)
	if err != nil {
		return err
	}
	for k, d := range last {
		status.Data = append(status.Data, data{k[0], k[1], d})
	}
	slices.SortFunc(status.Data, func(a, b data) int {
		return cmp.Or(cmp.Compare(a.Platform, b.Platform), cmp.Compare(a.AdAccount, b.AdAccount))
	})
	set, ok, err := s.store.Setting(ctx, killKey)
	if err != nil {
		return err
	}
	status.KillSwitch = ok && set.Value == killOn
	writeJSON(w, http.StatusOK, status)
	return nil
}
