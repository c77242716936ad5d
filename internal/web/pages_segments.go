package web

import "net/http"

type segmentsView struct{ Head valueHead }

func (s *Server) segments(w http.ResponseWriter, r *request) error {
	head, _, err := s.valueHead(r, "/value/segments", "segment")
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "segments", page{Title: "Segments", Nav: "value", Here: head.Here, Body: segmentsView{head}})
	return nil
}
