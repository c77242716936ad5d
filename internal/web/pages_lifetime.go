package web

import "net/http"

type lifetimeView struct{ Head valueHead }

func (s *Server) lifetime(w http.ResponseWriter, r *request) error {
	head, _, err := s.valueHead(r, "/value/lifetime", "ltv_diagnostics")
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "lifetime", page{Title: "Lifetime model", Nav: "value", Here: head.Here, Body: lifetimeView{head}})
	return nil
}
