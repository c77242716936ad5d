package nightly

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"adsteward/internal/civil"
	"adsteward/internal/platform"
	"adsteward/store"
)

// stageJob is one stage of one night in the queue. It is unique by account,
// date, stage and try: however many replicas ask for it, it is there once.
type stageJob struct {
	Account string     `json:"account" river:"unique"`
	Date    civil.Date `json:"date" river:"unique"`
	Stage   Stage      `json:"stage" river:"unique"`
	// Try tells a stage done again on purpose, or after a crash, from the first.
	Try  int     `json:"try" river:"unique"`
	Then []Stage `json:"then"` // the stages that follow
}

func (stageJob) Kind() string { return "stage" }

// maxTries is how often a stage is tried before the run fails.
const maxTries = 3

// riverClient is what both databases' clients have in common.
type riverClient interface {
	Insert(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) (*rivertype.JobInsertResult, error)
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
	StopAndCancel(ctx context.Context) error
}

// Queue runs stages as durable jobs in the store's own database. Any number of
// processes may share one; each stage is done by one of them.
type Queue struct {
	steward *Steward
	client  riverClient
	close   func() error
	// Done is told of every stage this process has ended; nil if nobody listens.
	Done func(account string, stage Stage)
	// Broken has what kept this process from recording how a stage went, as on a
	// full disk: whoever waits for the run to end would wait for ever.
	Broken chan error
}

// OpenQueue connects to the queue, making its tables where needed. Close must
// be called; Start only by those who want to do work.
func OpenQueue(ctx context.Context, s *Steward) (*Queue, error) {
	q := &Queue{steward: s, Broken: make(chan error, 1)}
	workers := river.NewWorkers()
	river.AddWorker(workers, &stageWorker{queue: q})
	cfg := &river.Config{
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}},
		Workers:           workers,
		MaxAttempts:       maxTries,
		FetchCooldown:     10 * time.Millisecond,
		FetchPollInterval: 200 * time.Millisecond,
		JobTimeout:        2 * time.Hour,
		RetryPolicy:       retryPolicy{},
		Logger:            slog.New(quiet{s.Log.Handler()}),
	}
	// The queue's tables are made by the first who comes, while others wait.
	unlock, err := s.Store.Lock(ctx, "queue/migrate")
	if err != nil {
		return nil, fmt.Errorf("the work queue: %w", err)
	}
	defer unlock()
	if s.Store.Dialect() == store.Postgres {
		err = q.openPostgres(ctx, cfg)
	} else {
		err = q.openSQLite(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("the work queue: %w", err)
	}
	return q, nil
}

func (q *Queue) openPostgres(ctx context.Context, cfg *river.Config) error {
	pool, err := pgxpool.New(ctx, q.steward.Store.DSN())
	if err != nil {
		return err
	}
	q.close = func() error { return closeSoon(pool.Close) }
	driver := riverpgxv5.New(pool)
	if err := migrateQueue[pgx.Tx](ctx, driver, cfg.Logger); err != nil {
		return errors.Join(err, q.close())
	}
	q.client, err = river.NewClient(driver, cfg)
	return err
}

// closeSoon closes what waits for its connections to come back, and gives up on those
// whose server does not answer any more: the program must be able to end.
func closeSoon(closePool func()) error {
	done := make(chan struct{})
	go func() { closePool(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("the database does not answer; its connections are left to the system")
	}
}

func (q *Queue) openSQLite(ctx context.Context, cfg *river.Config) error {
	db, err := q.steward.Store.SQLitePool()
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1) // River's advice for SQLite
	q.close = db.Close
	driver := riversqlite.New(db)
	if err := migrateQueue[*sql.Tx](ctx, driver, cfg.Logger); err != nil {
		return errors.Join(err, q.close())
	}
	q.client, err = river.NewClient(driver, cfg)
	return err
}

func migrateQueue[T any](ctx context.Context, driver riverdriver.Driver[T], log *slog.Logger) error {
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: log})
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// Start begins to work on jobs.
func (q *Queue) Start(ctx context.Context) error { return q.client.Start(ctx) }

// Stop lets the stages under way end until ctx does, then cancels them, and
// waits. It may be called twice, and without Start.
func (q *Queue) Stop(ctx context.Context) error {
	err := q.client.Stop(ctx)
	if err != nil && ctx.Err() != nil {
		hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = q.client.StopAndCancel(hard)
	}
	return err
}

// Close ends the connection to the queue.
func (q *Queue) Close() error { return q.close() }

// Enqueue sees to it that the night is under way: the run is written where it
// is missing, and the job of its first stage not done is put into the queue
// unless it is there or being worked on. stages nil is the whole night; naming
// stages does these again even where they were done. A stage that did without
// something is done again as well, with all that follow it: that may be mended.
// It returns false where the night is over and nothing was asked for again.
func (q *Queue) Enqueue(ctx context.Context, account string, date civil.Date, stages []Stage, reason string) (bool, error) {
	s := q.steward
	shop, err := s.Shop(account)
	if err != nil {
		return false, err
	}
	if err := s.begin(ctx, shop, date, reason); err != nil {
		return false, err
	}
	if err := s.closeLeft(ctx, account, date); err != nil {
		return false, err
	}
	rows, todo, err := s.reopen(ctx, RunID(account, date), stages)
	if err != nil || len(todo) == 0 {
		return false, err
	}
	first := rows[slices.IndexFunc(rows, func(r store.Stage) bool { return r.Stage == string(todo[0]) })]
	if first.State == Running {
		// Somebody is at it, or died at it: the lock tells.
		unlock, err := s.Store.TryLock(ctx, runLock(RunID(account, date)))
		if errors.Is(err, store.ErrLocked) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		unlock()
	}
	return true, q.insert(ctx, account, date, todo, first.Attempt+1)
}

// closeLeft ends the nights before a date at which a process has died, so that nothing
// reads as running that nobody goes on with. One that only waits for its next stage does
// that stage all the same, and then reads as what came of it.
func (s *Steward) closeLeft(ctx context.Context, account string, date civil.Date) error {
	runs, err := s.Store.Runs(ctx, account, lookBackDays)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if r.Date >= date || r.State != Running {
			continue
		}
		unlock, err := s.Store.TryLock(ctx, runLock(r.RunID))
		if errors.Is(err, store.ErrLocked) { // somebody is at it
			continue
		}
		if err != nil {
			return err
		}
		err = s.interrupted(ctx, r.RunID)
		unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// interrupted closes a run at the stage it has come to.
func (s *Steward) interrupted(ctx context.Context, runID string) error {
	rows, err := s.Store.Stages(ctx, runID)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(rows, func(r store.Stage) bool { return r.State == Running || r.State == Waiting }); i >= 0 {
		rows[i].State, rows[i].Fault = Failed, FaultOther
		rows[i].Error = "the program ended here, and a newer night has begun; run it again with --date"
		rows[i].FinishedAt = sql.NullTime{Time: s.Now(), Valid: true}
		if err := s.Store.SetStage(ctx, rows[i]); err != nil {
			return err
		}
	}
	return s.finish(ctx, runID)
}

// reopen sets back the stages to be done and returns all stages and those to do.
func (s *Steward) reopen(ctx context.Context, runID string, stages []Stage) (rows []store.Stage, todo []Stage, err error) {
	err = s.Store.InTx(ctx, func(q *store.Queries) error {
		run, err := q.Run(ctx, runID)
		if err != nil {
			return err
		}
		if rows, err = q.Stages(ctx, runID); err != nil {
			return err
		}
		again := false // a stage had to do without something, and those after it with it
		for i, r := range rows {
			again = again || stages == nil && run.State != Running && r.State == Done && r.Fault != ""
			named := slices.Contains(stages, Stage(r.Stage)) || again
			if !named && (stages != nil || r.State == Done) {
				continue
			}
			todo = append(todo, Stage(r.Stage))
			if r.State == Running && !named || r.State == Waiting {
				continue
			}
			rows[i].State, rows[i].Error, rows[i].Fault, rows[i].Summary = Waiting, "", "", ""
			if err := q.SetStage(ctx, rows[i]); err != nil {
				return err
			}
		}
		if len(todo) == 0 {
			return nil
		}
		run.State, run.FinishedAt = Running, sql.NullTime{}
		return q.SetRun(ctx, run)
	})
	return rows, todo, err
}

// insert puts the first stage to do into the queue under the given try, or
// under the next one that is free: a process that died right after it had taken
// a job leaves the job running, which River finds out after hours only. A second
// job for a stage that is being done waits for the run's lock, and then finds
// the stage done.
func (q *Queue) insert(ctx context.Context, account string, date civil.Date, todo []Stage, try int) error {
	for ; ; try++ {
		res, err := q.client.Insert(ctx, stageJob{Account: account, Date: date, Stage: todo[0], Try: try, Then: todo[1:]},
			&river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true}})
		if err != nil {
			return err
		}
		if s := res.Job.State; !res.UniqueSkippedAsDuplicate || s != rivertype.JobStateRunning && s != rivertype.JobStateCompleted {
			return nil
		}
	}
}

func runLock(runID string) string { return "run/" + runID }

// stageWorker does the stages.
type stageWorker struct {
	river.WorkerDefaults[stageJob]
	queue *Queue
}

func (w *stageWorker) Work(ctx context.Context, job *river.Job[stageJob]) error {
	err := w.work(ctx, job)
	if store.IsFull(err) {
		select {
		case w.queue.Broken <- err:
		default: // one is enough
		}
	}
	return err
}

func (w *stageWorker) work(ctx context.Context, job *river.Job[stageJob]) error {
	q, a, s := w.queue, job.Args, w.queue.steward
	runID := RunID(a.Account, a.Date)
	unlock, err := s.Store.Lock(ctx, runLock(runID))
	if err != nil {
		return err
	}
	defer unlock()
	row, err := s.stageRow(ctx, runID, a.Stage)
	if err != nil {
		return err
	}
	if row.State != Done { // a job rescued late finds its work done
		if err := s.RunStage(ctx, a.Account, a.Date, a.Stage); err != nil {
			if errors.Is(ctx.Err(), context.Canceled) || job.Attempt < job.MaxAttempts && worthRetrying(err) {
				return err
			}
			return errors.Join(river.JobCancel(err), s.finish(context.WithoutCancel(ctx), runID))
		}
	}
	if q.Done != nil {
		q.Done(a.Account, a.Stage)
	}
	if len(a.Then) == 0 {
		return s.finish(ctx, runID)
	}
	next, err := s.stageRow(ctx, runID, a.Then[0])
	if err != nil {
		return err
	}
	return q.insert(ctx, a.Account, a.Date, a.Then, next.Attempt+1)
}

// worthRetrying: the platforms' passing faults and whatever the database or
// network threw; not what will fail again.
func worthRetrying(err error) bool {
	var pe *platform.Error
	if errors.As(err, &pe) {
		return pe.Kind == platform.Retryable || pe.Kind == platform.Quota || pe.Kind == platform.Unknown
	}
	return !IsRefused(err) && !isInput(err)
}

// retryPolicy waits 2 and 8 seconds, with jitter: adapters have backed off by
// themselves before.
type retryPolicy struct{}

func (retryPolicy) NextRetry(job *rivertype.JobRow) time.Time {
	n := float64(len(job.Errors) + 1)
	return time.Now().Add(time.Duration(n * n * (0.75 + rand.Float64()/2) * 2 * float64(time.Second)))
}

// quiet passes River's warnings and errors to those who want to know more than
// what went wrong, which the stages and the commands say by themselves.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, slog.LevelInfo)
}
