package web

import "net/http"

type targetsView struct{ Head valueHead }

func (s *Server) targets(w http.ResponseWriter, r *request) error {
	head, _, err := s.valueHead(r, "/value/targets", "target")
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "targets", page{Title: "Targets", Nav: "value", Here: head.Here, Body: targetsView{head}})
	return nil
}
