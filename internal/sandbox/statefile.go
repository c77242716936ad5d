package sandbox

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox/conversions"
	"adsteward/internal/sandbox/googleads"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
)

// state is what the state file holds.
type state struct {
	Start       civil.Date      `json:"start"` // of the scenario
	Market      json.RawMessage `json:"market"`
	GoogleLists *lists.Lists    `json:"google_lists"`
	MetaLists   *lists.Lists    `json:"meta_lists"`
	Conversions ledgers         `json:"conversions"`
	// ValueRules is missing in files of before there were any.
	ValueRules *googleads.ValueRules `json:"value_rules,omitempty"`
}

// ledgers are the platforms' records of orders.
type ledgers struct {
	Google *conversions.Ledger `json:"google"`
	Meta   *conversions.Ledger `json:"meta"`
}

// TodayOf returns the day that the market of a state file stands at. A missing file is
// fs.ErrNotExist.
func TodayOf(stateFile string) (civil.Date, error) {
	var st struct {
		Market struct {
			Today civil.Date `json:"today"`
		} `json:"market"`
	}
	data, err := os.ReadFile(stateFile)
	if err != nil {
		return 0, fmt.Errorf("sandbox: %w", err)
	}
	if err := json.Unmarshal(data, &st); err != nil || st.Market.Today.IsZero() {
		return 0, fmt.Errorf("sandbox: %s is not a sandbox's state; remove it to begin afresh", stateFile)
	}
	return st.Market.Today, nil
}

func (s *Sandbox) restore() (err error) {
	data, err := os.ReadFile(s.opts.StateFile)
	if s.opts.StateFile == "" || errors.Is(err, fs.ErrNotExist) {
		s.market, err = market.New(s.opts.Scenario)
		return err
	}
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	st := state{GoogleLists: s.googleLists, MetaLists: s.metaLists, Conversions: s.recorded, ValueRules: s.valueRules}
	if err := json.Unmarshal(data, &st); err != nil {
		return fmt.Errorf("sandbox: %s cannot be read (%w); remove it to begin afresh", s.opts.StateFile, err)
	}
	if s.market, err = market.Restore(s.opts.Scenario, st.Market); err != nil {
		return fmt.Errorf("sandbox: %s: %w", s.opts.StateFile, err)
	}
	return nil
}

// keep writes the state file, whole or not at all. Its parts keep their text while they
// do not change, and are put together by hand: written anew for every request, ten
// thousand recorded orders took a third of a demo's night.
func (s *Sandbox) keep() {
	if s.opts.StateFile == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data, err := s.encode()
	if err == nil {
		err = writeWhole(s.opts.StateFile, data)
	}
	if err != nil {
		s.failed = cmp.Or(s.failed, fmt.Errorf("sandbox: the state is not kept: %w", err))
	}
}

// encode is state as JSON.
func (s *Sandbox) encode() ([]byte, error) {
	var parts []any
	for _, p := range []json.Marshaler{json.RawMessage(s.market.Journal()), s.googleLists, s.metaLists, s.recorded.Google, s.recorded.Meta, s.valueRules} {
		text, err := p.MarshalJSON()
		if err != nil {
			return nil, err
		}
		parts = append(parts, text)
	}
	data := fmt.Appendf(nil, `{"start":"%s","market":`, s.opts.Scenario.Start)
	return fmt.Appendf(data, `%s,"google_lists":%s,"meta_lists":%s,"conversions":{"google":%s,"meta":%s},"value_rules":%s}`, parts...), nil
}

func writeWhole(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// keeping keeps the state after each request that may have changed a list.
func (s *Sandbox) keeping(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			defer s.keep()
		}
		h.ServeHTTP(w, r)
	})
}
