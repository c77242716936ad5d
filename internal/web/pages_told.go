package web

import "net/http"

type toldView struct{ Head valueHead }

func (s *Server) told(w http.ResponseWriter, r *request) error {
	head, _, err := s.valueHead(r, "/value/told", "told")
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "told", page{Title: "Told to platforms", Nav: "value", Here: head.Here, Body: toldView{head}})
	return nil
}
