package nightly

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/robfig/cron/v3"

	"adsteward/internal/civil"
	"adsteward/store"
)

// Schedule says when nights begin: five cron fields read as wall-clock time in
// a zone, and how late a missed slot may still be made up for.
type Schedule struct {
	Cron     string
	Location *time.Location
	Grace    time.Duration
}

// Slots returns the instants after from and up to to at which a night should
// begin, oldest first.
//
// The cron fields are applied to the wall clock as if it had no daylight
// saving, and each wall-clock slot is then placed on the real time line: one
// that the spring change skips falls on the first moment after the gap, one
// that the autumn change repeats on its first occurrence. So every slot comes
// exactly once, on both days of the year.
func (s Schedule) Slots(from, to time.Time) ([]time.Time, error) {
	spec, err := cron.ParseStandard(s.Cron)
	if err != nil {
		return nil, fmt.Errorf("schedule.cron: %q is not a cron expression; write five fields, as in \"30 4 * * *\"", s.Cron)
	}
	var out []time.Time
	// A day of margin covers every offset between the wall clock and UTC.
	for wall := spec.Next(asWall(from.In(s.Location)).AddDate(0, 0, -1)); !wall.IsZero(); wall = spec.Next(wall) {
		at := onTimeline(wall, s.Location)
		if at.After(to) {
			break
		}
		if at.After(from) {
			out = append(out, at)
		}
	}
	return out, nil
}

// asWall writes t's wall clock as if it were UTC.
func asWall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
}

// onTimeline finds the instant of a wall-clock time in loc.
func onTimeline(wall time.Time, loc *time.Location) time.Time {
	t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, loc)
	if !asWall(t).Equal(wall) { // in a gap: its end is where the offset changes
		start, end := t.ZoneBounds()
		if asWall(t).Before(wall) {
			return end
		}
		return start
	}
	// In an overlap both offsets fit; the earlier instant is the first time.
	if start, _ := t.ZoneBounds(); !start.IsZero() {
		if before := t.Add(offset(t) - offset(start.Add(-time.Second))); before.Before(t) && asWall(before.In(loc)).Equal(wall) {
			return before
		}
	}
	return t
}

func offset(t time.Time) time.Duration {
	_, sec := t.Zone()
	return time.Duration(sec) * time.Second
}

// Clock ticks every minute and sees to it that every slot has its run: a slot
// missed within the grace period is run once, an older one is recorded as
// skipped. Several replicas may tick; the jobs are unique.
type Clock struct {
	queue    *Queue
	schedule Schedule
	cron     gocron.Scheduler
	since    time.Time // slots before it are not looked at
}

// NewClock checks the schedule.
func NewClock(q *Queue, s Schedule) (*Clock, error) {
	if _, err := s.Slots(time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		return nil, err
	}
	g, err := gocron.NewScheduler(gocron.WithLocation(time.UTC))
	if err != nil {
		return nil, err
	}
	return &Clock{queue: q, schedule: s, cron: g, since: q.steward.Now().AddDate(0, 0, -lookBackDays)}, nil
}

// lookBackDays bounds how far back missed slots are recorded.
const lookBackDays = 7

// Start looks at the schedule now, and then at every full minute.
func (c *Clock) Start(ctx context.Context) error {
	if err := c.Tick(ctx); err != nil {
		return err
	}
	_, err := c.cron.NewJob(gocron.CronJob("* * * * *", false), gocron.NewTask(func() {
		if err := c.Tick(ctx); err != nil && ctx.Err() == nil {
			c.queue.steward.Log.Error("the schedule could not be looked at; the next minute tries again", "error", err)
		}
	}), gocron.WithSingletonMode(gocron.LimitModeReschedule))
	if err != nil {
		return err
	}
	c.cron.Start()
	return nil
}

// Stop ends the ticking and waits for the tick under way.
func (c *Clock) Stop() error { return c.cron.Shutdown() }

// Tick compares the schedule with the runs of every shop.
func (c *Clock) Tick(ctx context.Context) error {
	now := c.queue.steward.Now()
	slots, err := c.schedule.Slots(c.since, now)
	if err != nil {
		return err
	}
	var faults []error
	for _, shop := range c.queue.steward.Shops {
		for i, slot := range slots {
			latest := i == len(slots)-1
			faults = append(faults, c.attend(ctx, &shop, slot, latest && now.Sub(slot) <= c.schedule.Grace, now.Sub(slot) > 2*time.Minute))
		}
	}
	return errors.Join(faults...)
}

// attend sees to one slot of one shop.
func (c *Clock) attend(ctx context.Context, shop *Shop, slot time.Time, run, late bool) error {
	s := c.queue.steward
	date := civil.Of(slot.In(shop.Location))
	known, err := s.Store.Run(ctx, RunID(shop.Name, date))
	switch {
	case err == nil && !run:
		return nil
	case err == nil && known.State != Running:
		// Stages done one by one before the slot are not the night, nor is one that failed then.
		rows, err := s.Store.Stages(ctx, known.RunID)
		early := known.State == Failed && known.FinishedAt.Time.Before(slot)
		if err != nil || !early && !slices.ContainsFunc(rows, func(r store.Stage) bool { return r.State == Waiting }) {
			return err
		}
		_, err = c.queue.Enqueue(ctx, shop.Name, date, nil, "schedule")
		return err
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	case run:
		reason := "schedule"
		if late {
			reason = "catch-up"
		}
		_, err := c.queue.Enqueue(ctx, shop.Name, date, nil, reason)
		return err
	}
	runs, err := s.Store.Runs(ctx, shop.Name, 2*lookBackDays)
	if err != nil || !slices.ContainsFunc(runs, func(r store.Run) bool { return r.Date < date }) {
		return err // before its first run an installation has missed nothing
	}
	now := s.Now()
	_, err = s.Store.StartRun(ctx, store.Run{RunID: RunID(shop.Name, date), Account: shop.Name, Date: date, State: Skipped,
		Reason: "the program was not running, and the grace period is over", StartedAt: now, FinishedAt: sql.NullTime{Time: now, Valid: true}}, nil)
	return err
}
