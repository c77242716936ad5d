package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"adsteward/store"
)

// valueHead is what the pages under Value share: their tabs, the account they
// speak of, and the night whose models they show.
type valueHead struct {
	Tabs    []tab
	Account string
	Groups  []option // accounts to choose from; nil where there is one
	Here    string
	Date    string // of the night; "" where none has what the page shows
	URL     string
}

// valueTabs names the pages under Value, in order.
var valueTabs = [...]struct{ name, path string }{
	{"Targets", "/value/targets"}, {"Segments", "/value/segments"}, {"Lifetime model", "/value/lifetime"}, {"Told to platforms", "/value/told"},
	{"Audiences", "/value/audiences"},
}

func (s *Server) value(w http.ResponseWriter, r *request) error {
	http.Redirect(w, r.Request, valueTabs[0].path, http.StatusSeeOther)
	return nil
}

// valueNights is how many nights back a page looks for what it shows.
const valueNights = 14

// valueHead finds the newest night of the account asked for that stored models
// of a kind; without the account's name in the address it is the first account's.
func (s *Server) valueHead(r *request, path, kind string) (valueHead, []store.Model, error) {
	ctx, account := r.Context(), r.URL.Query().Get("account")
	h := valueHead{Here: path, Account: account}
	for _, t := range valueTabs {
		at := t.path
		if account != "" {
			at += "?account=" + url.QueryEscape(account)
		}
		h.Tabs = append(h.Tabs, tab{Name: t.name, URL: at, Current: t.path == path})
	}
	groups, err := s.accountOptions(ctx, account)
	if err != nil {
		return h, nil, err
	}
	h.Groups = groups
	run, models, err := s.store.NewestModels(ctx, account, kind, valueNights)
	if err != nil || len(models) == 0 {
		return h, nil, err
	}
	h.Account, h.Date, h.URL = run.Account, run.Date.Time().Format("Mon 2 Jan 2006"), runURL(run)
	h.Groups = ofOne(groups, h.Account)
	return h, models, nil
}

// readModel decodes what a night stored.
func readModel[T any](m store.Model) (T, error) {
	var v T
	if err := json.Unmarshal([]byte(m.Body), &v); err != nil {
		return v, fmt.Errorf("the stored model %s of %q cannot be read: %w", m.Kind, m.Key, err)
	}
	return v, nil
}

// currencyOf is the currency of an account's first ad account; "" where none is
// known.
func (s *Server) currencyOf(ctx context.Context, account string) (string, error) {
	accounts, err := s.store.AdAccounts(ctx, account)
	if err != nil || len(accounts) == 0 {
		return "", err
	}
	return accounts[0].Currency, nil
}
