package nightly

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"adsteward/store"
)

// modelSet gathers what models came to, to be stored with their run.
type modelSet struct {
	rows   []store.Model
	faults []error
}

func (m *modelSet) add(runID, kind, key string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		m.faults = append(m.faults, fmt.Errorf("model %s of %q: %w", kind, key, err))
	}
	m.rows = append(m.rows, store.Model{RunID: runID, Kind: kind, Key: key, Body: string(body)})
}

// join adds what another set gathered beside this one.
func (m *modelSet) join(o modelSet) {
	m.rows, m.faults = append(m.rows, o.rows...), append(m.faults, o.faults...)
}

func (m *modelSet) put(ctx context.Context, q *store.Queries) error {
	if err := errors.Join(m.faults...); err != nil {
		return err
	}
	return q.PutModels(ctx, m.rows)
}

// loadModels reads what add stored, by key.
func loadModels[T any](ctx context.Context, q *store.Queries, runID, kind string) (map[string]T, error) {
	rows, err := q.Models(ctx, runID, kind)
	if err != nil {
		return nil, err
	}
	out := make(map[string]T, len(rows))
	for _, r := range rows {
		var v T
		if err := json.Unmarshal([]byte(r.Body), &v); err != nil {
			return nil, fmt.Errorf("the stored model %s of %q cannot be read: %w", kind, r.Key, err)
		}
		out[r.Key] = v
	}
	return out, nil
}

// loadModel reads one result that add stored, or store.ErrNotFound.
func loadModel[T any](ctx context.Context, q *store.Queries, runID, kind, key string) (T, error) {
	var v T
	row, err := q.Model(ctx, runID, kind, key)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal([]byte(row.Body), &v); err != nil {
		return v, fmt.Errorf("the stored model %s of %q cannot be read: %w", kind, key, err)
	}
	return v, nil
}
