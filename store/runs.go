package store

import (
	"context"
	"fmt"
	"time"
)

// StartRun stores a run with its stages, all waiting, in the order given. It
// returns false, and changes nothing, where the account has a run for the date.
func (q *Queries) StartRun(ctx context.Context, r Run, stages []string) (created bool, err error) {
	r.StartedAt, r.FinishedAt = utc(r.StartedAt), utcNull(r.FinishedAt)
	err = q.atomically(ctx, func(q *Queries) error {
		n, err := q.execNamed(ctx, `INSERT INTO runs (run_id, account, date, state, reason, started_at, finished_at, policy_id)
			VALUES (:run_id, :account, :date, :state, :reason, :started_at, :finished_at, :policy_id) ON CONFLICT DO NOTHING`, r)
		if err != nil || n == 0 {
			return err
		}
		created = true
		in := insert{"stages", []string{"run_id", "stage", "position", "state", "attempt", "summary", "error", "fault"}, ""}
		position := 0
		_, err = insertAll(ctx, q, in, stages, func(args []any, stage *string) []any {
			position++
			return append(args, r.RunID, *stage, position, "waiting", 0, "", "", "")
		})
		return err
	})
	return created && err == nil, err
}

// Run returns a run or ErrNotFound.
func (q *Queries) Run(ctx context.Context, runID string) (Run, error) {
	r, err := one[Run](ctx, q, `SELECT * FROM runs WHERE run_id = ?`, runID)
	return r, named(err, "run", runID)
}

// Runs lists runs, newest date first; limit 0 means all.
func (q *Queries) Runs(ctx context.Context, account string, limit int) ([]Run, error) {
	w := inAccount(account)
	query, args := limited(`SELECT * FROM runs`+w.String()+` ORDER BY date DESC, account`, w.args, limit)
	return all[Run](ctx, q, query, args...)
}

// SetRun writes the state, reason, times and policy of a run.
func (q *Queries) SetRun(ctx context.Context, r Run) error {
	r.StartedAt, r.FinishedAt = utc(r.StartedAt), utcNull(r.FinishedAt)
	return named(need(q.execNamed(ctx, `UPDATE runs SET state = :state, reason = :reason, started_at = :started_at,
		finished_at = :finished_at, policy_id = :policy_id WHERE run_id = :run_id`, r)), "run", r.RunID)
}

// Stages lists the stages of a run in their order.
func (q *Queries) Stages(ctx context.Context, runID string) ([]Stage, error) {
	return all[Stage](ctx, q, `SELECT * FROM stages WHERE run_id = ? ORDER BY position`, runID)
}

// SetStage writes all of a stage but its position.
func (q *Queries) SetStage(ctx context.Context, s Stage) error {
	s.StartedAt, s.FinishedAt = utcNull(s.StartedAt), utcNull(s.FinishedAt)
	return named(need(q.execNamed(ctx, `UPDATE stages SET state = :state, attempt = :attempt, started_at = :started_at,
		finished_at = :finished_at, summary = :summary, error = :error, fault = :fault WHERE run_id = :run_id AND stage = :stage`, s)),
		"stage", s.RunID+" "+s.Stage)
}

// DeleteRun removes a run with its stages and models. Call it inside InTx.
func (q *Queries) DeleteRun(ctx context.Context, runID string) error {
	for _, table := range []string{"models", "stages", "runs"} {
		if _, err := q.exec(ctx, `DELETE FROM `+table+` WHERE run_id = ?`, runID); err != nil {
			return err
		}
	}
	return nil
}

// PutModels stores model results; a kind and key written before is replaced.
func (q *Queries) PutModels(ctx context.Context, models []Model) error {
	models = lastOf(models, func(m *Model) [3]string { return [3]string{m.RunID, m.Kind, m.Key} })
	_, err := insertAll(ctx, q, upsert("models", "run_id kind key", "body"), models, func(args []any, m *Model) []any {
		return append(args, m.RunID, m.Kind, m.Key, m.Body)
	})
	return err
}

// Models lists the results of a run by kind and key; kind "" means all.
func (q *Queries) Models(ctx context.Context, runID, kind string) ([]Model, error) {
	w := &where{}
	w.add("run_id = ?", runID)
	w.equal("kind", kind)
	return all[Model](ctx, q, `SELECT * FROM models`+w.String()+` ORDER BY kind, key`, w.args...)
}

// NewestModels lists the results of a kind of the newest run that has any, of the
// newest runs of an account ("" for all), and that run; without one both are zero.
func (q *Queries) NewestModels(ctx context.Context, account, kind string, runs int) (Run, []Model, error) {
	newest, err := q.Runs(ctx, account, runs)
	if err != nil {
		return Run{}, nil, err
	}
	for _, r := range newest {
		if models, err := q.Models(ctx, r.RunID, kind); err != nil || len(models) > 0 {
			return r, models, err
		}
	}
	return Run{}, nil, nil
}

// Model returns one result of a run, or ErrNotFound.
func (q *Queries) Model(ctx context.Context, runID, kind, key string) (Model, error) {
	m, err := one[Model](ctx, q, `SELECT * FROM models WHERE run_id = ? AND kind = ? AND key = ?`, runID, kind, key)
	return m, named(err, "model", runID+" "+kind+" "+key)
}

// EachModel hands over one result of each of some runs, of those that have it, in the
// order of the runs' ids. fn must not use the store.
func (q *Queries) EachModel(ctx context.Context, runIDs []string, kind, key string, fn func(Model) error) error {
	if len(runIDs) == 0 {
		return nil
	}
	return each(ctx, q, func(m *Model) error { return fn(*m) }, `SELECT * FROM models WHERE run_id IN `+among(len(runIDs))+` AND kind = ? AND key = ? ORDER BY run_id`,
		append(with(runIDs), kind, key)...)
}

// PutPolicy stores a policy under the hash of its body, if it is new.
func (q *Queries) PutPolicy(ctx context.Context, id, body string, at time.Time) error {
	_, err := q.exec(ctx, `INSERT INTO policies (policy_id, body, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`, id, body, utc(at))
	return err
}

// Policy returns the body of a policy or ErrNotFound.
func (q *Queries) Policy(ctx context.Context, id string) (string, error) {
	body, err := one[string](ctx, q, `SELECT body FROM policies WHERE policy_id = ?`, id)
	return body, named(err, "policy", id)
}

// named says in an error what it is about.
func named(err error, what, id string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %q: %w", what, id, err)
}

// limited adds a LIMIT; 0 means none.
func limited(query string, args []any, limit int) (string, []any) {
	if limit <= 0 {
		return query, args
	}
	return query + ` LIMIT ?`, append(args, limit)
}
