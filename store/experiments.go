package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"adsteward/internal/civil"
	"adsteward/internal/money"
)

// Experiment is one experiment. Plan, Forecast and Watched are JSON.
type Experiment struct {
	ExperimentID string       `db:"experiment_id"`
	Account      string       `db:"account"`
	Kind         string       `db:"kind"`
	Name         string       `db:"name"`
	State        string       `db:"state"`
	Reason       string       `db:"reason"`
	Plan         string       `db:"plan"`
	PlanHash     string       `db:"plan_hash"`
	Starts       civil.Date   `db:"starts"`
	Ends         civil.Date   `db:"ends"`
	CreatedBy    string       `db:"created_by"`
	CreatedAt    time.Time    `db:"created_at"`
	ApprovedBy   string       `db:"approved_by"`
	StartedAt    sql.NullTime `db:"started_at"`
	EndedAt      sql.NullTime `db:"ended_at"`
	ToRestore    bool         `db:"to_restore"`
	Forecast     string       `db:"forecast"`
	Watched      string       `db:"watched"`
	UpdatedAt    time.Time    `db:"updated_at"`
}

// ExperimentUnit is a person or region and the arm it was given.
type ExperimentUnit struct {
	ExperimentID string     `db:"experiment_id"`
	Unit         string     `db:"unit"`
	Arm          string     `db:"arm"`
	AssignedOn   civil.Date `db:"assigned_on"`
}

// IotaEntry is what an experiment found of a campaign's incremental share.
type IotaEntry struct {
	Account      string     `db:"account"`
	Campaign     string     `db:"campaign"`
	ExperimentID string     `db:"experiment_id"`
	Value        float64    `db:"value"`
	SD           float64    `db:"sd"`
	Ended        civil.Date `db:"ended"`
	Method       string     `db:"method"`
	RecordedAt   time.Time  `db:"recorded_at"`
}

func (e Experiment) row() map[string]any {
	return map[string]any{"experiment_id": e.ExperimentID, "account": e.Account, "kind": e.Kind, "name": e.Name, "state": e.State, "reason": e.Reason,
		"plan": e.Plan, "plan_hash": e.PlanHash, "starts": e.Starts, "ends": e.Ends, "created_by": e.CreatedBy, "created_at": utc(e.CreatedAt),
		"approved_by": e.ApprovedBy, "started_at": utcNull(e.StartedAt), "ended_at": utcNull(e.EndedAt), "to_restore": flag(e.ToRestore),
		"forecast": e.Forecast, "watched": e.Watched, "updated_at": utc(e.UpdatedAt)}
}

// InsertExperiment stores a new experiment, or ErrConflict.
func (q *Queries) InsertExperiment(ctx context.Context, e Experiment) error {
	_, err := sqlx.NamedExecContext(ctx, q.ext, `INSERT INTO experiments (experiment_id, account, kind, name, state, reason, plan, plan_hash, starts, ends,
		created_by, created_at, approved_by, started_at, ended_at, to_restore, forecast, watched, updated_at)
		VALUES (:experiment_id, :account, :kind, :name, :state, :reason, :plan, :plan_hash, :starts, :ends,
		:created_by, :created_at, :approved_by, :started_at, :ended_at, :to_restore, :forecast, :watched, :updated_at)`, e.row())
	return conflict(err, "experiment "+e.ExperimentID)
}

// Experiment returns an experiment by its id or by a prefix of it of six
// characters or more: ErrNotFound if there is none, ErrAmbiguous if several.
func (q *Queries) Experiment(ctx context.Context, id string) (Experiment, error) {
	e, err := one[Experiment](ctx, q, `SELECT * FROM experiments WHERE experiment_id = ?`, id)
	if !errors.Is(err, ErrNotFound) || len(id) < minPrefix {
		return e, named(err, "experiment", id)
	}
	list, err := all[Experiment](ctx, q, `SELECT * FROM experiments WHERE substr(experiment_id, 1, ?) = ? ORDER BY experiment_id LIMIT 2`, len([]rune(id)), id)
	switch {
	case err == nil && len(list) == 0:
		err = ErrNotFound
	case err == nil && len(list) > 1:
		err = fmt.Errorf("%w: %s and %s begin with it; write more of it", ErrAmbiguous, list[0].ExperimentID, list[1].ExperimentID)
	}
	if err != nil {
		return Experiment{}, named(err, "experiment", id)
	}
	return list[0], nil
}

// Experiments lists an account's experiments, the newest first; states, where
// given, restrict.
func (q *Queries) Experiments(ctx context.Context, account string, states ...string) ([]Experiment, error) {
	w := inAccount(account)
	if len(states) > 0 {
		w.add("state IN "+among(len(states)), with(states)...)
	}
	return all[Experiment](ctx, q, `SELECT * FROM experiments`+w.String()+` ORDER BY created_at DESC, experiment_id`, w.args...)
}

// UpdateExperiment writes what may change of an experiment if it is still in
// state from: false where it is not, or does not exist. Which steps are allowed
// the caller knows.
func (q *Queries) UpdateExperiment(ctx context.Context, e Experiment, from string) (bool, error) {
	row := e.row()
	row["from_state"] = from
	res, err := sqlx.NamedExecContext(ctx, q.ext, `UPDATE experiments SET state = :state, reason = :reason, ends = :ends, approved_by = :approved_by,
		started_at = :started_at, ended_at = :ended_at, to_restore = :to_restore, watched = :watched, updated_at = :updated_at
		WHERE experiment_id = :experiment_id AND state = :from_state`, row)
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// AddExperimentUnits records which arm units are in. A unit that has one keeps it.
func (q *Queries) AddExperimentUnits(ctx context.Context, units []ExperimentUnit) error {
	units = lastOf(units, func(u *ExperimentUnit) [2]string { return [2]string{u.ExperimentID, u.Unit} })
	in := insert{"experiment_units", []string{"experiment_id", "unit", "arm", "assigned_on"}, " ON CONFLICT DO NOTHING"}
	_, err := insertAll(ctx, q, in, units, func(args []any, u *ExperimentUnit) []any {
		return append(args, u.ExperimentID, u.Unit, u.Arm, u.AssignedOn.String())
	})
	return err
}

// ExperimentUnits lists the units of an experiment.
func (q *Queries) ExperimentUnits(ctx context.Context, id string) ([]ExperimentUnit, error) {
	return all[ExperimentUnit](ctx, q, `SELECT * FROM experiment_units WHERE experiment_id = ? ORDER BY unit`, id)
}

// PutIota stores what an experiment found; again for the same campaign replaces it.
func (q *Queries) PutIota(ctx context.Context, e IotaEntry) error {
	e.RecordedAt = utc(e.RecordedAt)
	_, err := q.execNamed(ctx, `INSERT INTO iota_ledger (account, campaign, experiment_id, value, sd, ended, method, recorded_at)
		VALUES (:account, :campaign, :experiment_id, :value, :sd, :ended, :method, :recorded_at)
		ON CONFLICT (account, campaign, experiment_id) DO UPDATE SET value = excluded.value, sd = excluded.sd, ended = excluded.ended,
		method = excluded.method, recorded_at = excluded.recorded_at`, e)
	return err
}

// IotaLedger lists what experiments found, the newest first.
func (q *Queries) IotaLedger(ctx context.Context, account string) ([]IotaEntry, error) {
	w := inAccount(account)
	return all[IotaEntry](ctx, q, `SELECT * FROM iota_ledger`+w.String()+` ORDER BY ended DESC, campaign, experiment_id`, w.args...)
}

// RegionDay is what the shop sold on a day to a country, in one currency, net of
// what was refunded.
type RegionDay struct {
	Date    civil.Date   `db:"order_date"`
	Country string       `db:"country"`
	Orders  int          `db:"orders"`
	Revenue money.Micros `db:"revenue"`
}

// RevenueByDay sums the orders of the dates from..to by date and country. Later
// orders of customers whose first one is of acquired or later are left out.
func (q *Queries) RevenueByDay(ctx context.Context, account, currency string, from, to, acquired civil.Date) ([]RegionDay, error) {
	return all[RegionDay](ctx, q, `SELECT o.order_date, o.country, COUNT(*) AS orders, CAST(SUM(o.revenue - o.refunded) AS BIGINT) AS revenue FROM orders o
		WHERE o.account = ? AND o.currency = ? AND o.order_date BETWEEN ? AND ? AND (o.order_date < ? OR o.customer_id = ''
			OR NOT EXISTS (SELECT 1 FROM orders p WHERE p.account = o.account AND p.customer_id = o.customer_id AND p.order_date >= ? AND p.order_date < o.order_date)
			OR EXISTS (SELECT 1 FROM orders p WHERE p.account = o.account AND p.customer_id = o.customer_id AND p.order_date < ?))
		GROUP BY o.order_date, o.country ORDER BY o.order_date, o.country`, account, currency, from, to, acquired, acquired, acquired)
}

// UnitRevenue is what one person of an experiment ordered since being assigned,
// net of refunds, and in the Before days until then.
type UnitRevenue struct {
	Unit   string       `db:"unit"`
	Arm    string       `db:"arm"`
	After  money.Micros `db:"after"`
	Before money.Micros `db:"before"`
}

// EachUnitRevenue hands over every person of a holdout with what they ordered
// from the day of their assignment up to to, and in the days before it.
func (q *Queries) EachUnitRevenue(ctx context.Context, account, experiment, currency string, before int, from, to civil.Date, fn func(UnitRevenue) error) error {
	return each(ctx, q, func(u *UnitRevenue) error { return fn(*u) }, `SELECT u.unit AS unit, u.arm AS arm,
			CAST(COALESCE(SUM(CASE WHEN o.order_date >= u.assigned_on AND o.order_date <= ? THEN o.revenue - o.refunded ELSE 0 END), 0) AS BIGINT) AS after,
			CAST(COALESCE(SUM(CASE WHEN o.order_date < u.assigned_on THEN o.revenue - o.refunded ELSE 0 END), 0) AS BIGINT) AS before
		FROM (SELECT unit, arm, assigned_on, substr(unit, 3) AS customer_id FROM experiment_units
				WHERE experiment_id = ? AND assigned_on <= ? AND substr(unit, 1, 2) = 'c:'
			UNION ALL SELECT e.unit, e.arm, e.assigned_on, COALESCE(c.customer_id, '') FROM experiment_units e
				LEFT JOIN customers c ON c.account = ? AND c.email_key = substr(e.unit, 3)
				WHERE e.experiment_id = ? AND e.assigned_on <= ? AND substr(e.unit, 1, 2) = 'e:') u
		LEFT JOIN orders o ON o.account = ? AND o.customer_id = u.customer_id AND u.customer_id <> '' AND o.currency = ? AND o.order_date >= ?
		GROUP BY u.unit, u.arm ORDER BY u.unit`, to, experiment, to, account, experiment, to, account, currency, from.AddDays(-before))
}
