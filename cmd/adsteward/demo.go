package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/config"
	"adsteward/internal/present"
	"adsteward/internal/sandbox"
	"adsteward/internal/sandbox/market"
	"adsteward/store"
)

type demoCmd struct {
	Addr     string `default:"127.0.0.1:8080" help:"Where the review page is served." placeholder:"HOST:PORT"`
	Data     string `default:"demo-data" type:"path" help:"Where the demo keeps its market, database and configuration." placeholder:"DIR"`
	Nights   *int   `help:"Nights to run first; for a new demo 3, after two in the past whose changes were approved; none for one that goes on." placeholder:"N"`
	Headless bool   `help:"Run the nights, print the summary and exit."`
	JSON     bool   `name:"json" help:"With --headless: the summary as one JSON object."`
}

func (c *demoCmd) Help() string {
	return "Example: adsteward demo --data /tmp/demo --nights 5. The same directory goes on with the same market."
}

// demoAccount is the name of the demo's one account.
const demoAccount = "demo"

func (c *demoCmd) Run(e *env) (err error) {
	if !c.Headless { // better known before the nights than after
		if err := free(c.Addr); err != nil {
			return err
		}
	}
	sb, fresh, err := c.startSandbox()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sb.Stop()) }()
	e.cli.Config = filepath.Join(c.Data, "adsteward.yaml")
	if err := c.writeConfig(sb.Info()); err != nil {
		return err
	}
	cfg, err := config.Load(e.cli.Config)
	if err != nil {
		return err
	}
	loc := cfg.Accounts[0].Location()
	clock := &marketClock{sb: sb, loc: loc}
	sb.Market().SetClock(clock.Now)
	a, err := e.wire(cfg, clock.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	ran, err := c.live(e, a, sb, clock, fresh)
	if err != nil {
		return err
	}
	_, fault, err := e.ended(a, ran)
	if err != nil {
		return err
	}
	if c.Headless {
		return cmp.Or(c.summary(e, a, sb), fault)
	}
	if fault != nil {
		fmt.Fprintf(e.stderr, "%v\n", fault)
	}
	return c.serve(e, a, sb, clock)
}

// live runs the nights there are to run first, and returns them.
func (c *demoCmd) live(e *env, a *app, sb *sandbox.Sandbox, clock *marketClock, fresh bool) (ran []oneNight, err error) {
	nights := 0
	if fresh {
		nights = 3
		if c.Nights == nil {
			if ran, err = c.runPast(e, a, sb, clock); err != nil {
				return nil, err
			}
		}
	} else if today := civil.Of(time.Now().In(clock.loc)); sb.Market().Today() < today {
		if err := c.advance(sb, today); err != nil { // the world went on meanwhile
			return nil, err
		}
	}
	if c.Nights != nil {
		nights = *c.Nights
	}
	for range nights {
		night := oneNight{demoAccount, sb.Market().Today().AddDays(1)}
		if err := c.runNight(e, a, sb, clock, night); err != nil {
			return nil, err
		}
		ran = append(ran, night)
	}
	clock.settle()
	return ran, nil
}

// startSandbox starts the emulators over the directory's market, or over a new
// one whose nights end today.
func (c *demoCmd) startSandbox() (sb *sandbox.Sandbox, fresh bool, err error) {
	if c.Nights != nil && (*c.Nights < 0 || *c.Nights > 365) {
		return nil, false, usage("--nights %d is not between 0 and 365", *c.Nights)
	}
	if err := os.MkdirAll(filepath.Join(c.Data, "shop"), 0o755); err != nil {
		return nil, false, usage("--data: %v", err)
	}
	sc, fresh, err := c.scenario()
	if err != nil {
		return nil, false, err
	}
	opts := sandbox.Options{Scenario: sc, StateFile: filepath.Join(c.Data, "market.json")}
	if old, err := c.addresses(); err == nil {
		opts.GoogleAddr, opts.MetaAddr, opts.DataManagerAddr, opts.ControlAddr = old.GoogleAddr, old.MetaAddr, old.DataManagerAddr, old.ControlAddr
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, false, usage("%s: %v", c.Data, err)
	}
	sb, err = sandbox.Start(opts)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, false, usage("a demo is running over %s already, or another program has taken its place: %v", c.Data, err)
	}
	if err != nil {
		return nil, false, usage("%v", err)
	}
	if fresh {
		err = c.advance(sb, sc.Start)
	}
	if err != nil {
		err = errors.Join(err, sb.Stop())
	}
	return sb, fresh, err
}

// scenario is the directory's, or a new one written there.
func (c *demoCmd) scenario() (sc *market.Scenario, fresh bool, err error) {
	file := filepath.Join(c.Data, "scenario.json")
	f, err := os.Open(file)
	if err == nil {
		defer f.Close()
		sc, err = market.ReadScenario(f)
		if err != nil {
			return nil, false, usage("%s: %v", file, err)
		}
		return sc, false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, false, usage("%v", err)
	}
	nights, past := 3, pastNights[0]
	if c.Nights != nil {
		nights, past = *c.Nights, 0
	}
	if sc, err = sandbox.DemoScenario(0, nights, 0); err != nil {
		return nil, false, err
	}
	loc, err := time.LoadLocation(sc.TimeZone)
	if err != nil {
		return nil, false, err
	}
	if sc, err = sandbox.DemoScenario(civil.Of(time.Now().In(loc)).AddDays(-nights), nights, past); err != nil {
		return nil, false, err
	}
	body, err := json.MarshalIndent(sc, "", "  ")
	if err != nil {
		return nil, false, err
	}
	return sc, true, os.WriteFile(file, body, 0o644)
}

// addresses are those of the emulators of an earlier start.
func (c *demoCmd) addresses() (info sandbox.Info, err error) {
	body, err := os.ReadFile(filepath.Join(c.Data, "sandbox.json"))
	if err != nil {
		return info, err
	}
	return info, json.Unmarshal(body, &info)
}

// advance moves the market and has the shop export the days gone by.
func (c *demoCmd) advance(sb *sandbox.Sandbox, to civil.Date) error {
	dir := filepath.Join(c.Data, "shop")
	from := sb.Market().Today()
	if exported, err := filepath.Glob(filepath.Join(dir, "orders-*.csv")); err != nil {
		return err
	} else if len(exported) == 0 {
		from = sb.Market().ShopFirst()
	}
	sb.Advance(to)
	return sb.WriteShop(dir, from, to.AddDays(-1))
}

// runNight runs a night. What goes wrong in one is told at the end: those after it go
// on all the same, as they would from cron.
func (c *demoCmd) runNight(e *env, a *app, sb *sandbox.Sandbox, clock *marketClock, night oneNight) error {
	if err := c.advance(sb, night.date); err != nil {
		return err
	}
	clock.at(night.date)
	fmt.Fprintf(e.stderr, "Night of %s ...\n", night.date)
	return e.work(a, []oneNight{night}, nil)
}

// demoSummary is the JSON of demo --headless.
type demoSummary struct {
	Data      string             `json:"data"`
	Config    string             `json:"config"`
	Today     civil.Date         `json:"today"`
	Runs      []present.StageRow `json:"runs"`
	Proposals []present.Proposal `json:"proposals"`
	Sandbox   sandbox.Info       `json:"sandbox"`
}

func (c *demoCmd) summary(e *env, a *app, sb *sandbox.Sandbox) error {
	s := demoSummary{Data: c.Data, Config: e.cli.Config, Today: sb.Market().Today(), Runs: []present.StageRow{}, Sandbox: sb.Info()}
	runs, err := a.store.Runs(e.ctx, demoAccount, 100)
	if err != nil {
		return err
	}
	for _, r := range runs {
		stages, err := a.store.Stages(e.ctx, r.RunID)
		if err != nil {
			return err
		}
		s.Runs = append(s.Runs, present.StageRows(r, stages)...)
	}
	open, err := a.store.Proposals(e.ctx, store.Filter{States: []string{"proposed", "approved"}})
	if err != nil {
		return err
	}
	if s.Proposals, err = present.Proposals(open); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(e.stdout, s)
	}
	printStages(e, s.Runs)
	fmt.Fprintf(e.stdout, "\n%d open proposals; see them with: adsteward proposals list --state proposed --config %s\n", len(open), e.cli.Config)
	return nil
}

// serve shows the page until a signal. The daemon's own schedule runs the
// nights to come, as it would on real platforms.
func (c *demoCmd) serve(e *env, a *app, sb *sandbox.Sandbox, clock *marketClock) error {
	d, err := e.startDaemon(a, c.Addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "Commands work on the same data: adsteward status --config %s\nStop with Ctrl-C; the same directory goes on later.\n", e.cli.Config)
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-e.ctx.Done():
			return d.stop()
		case <-tick.C: // midnight comes to the market too
			if today := civil.Of(clock.Now().In(clock.loc)); today > sb.Market().Today() {
				if err := c.advance(sb, today); err != nil {
					return errors.Join(err, d.stop())
				}
			}
		}
	}
}

// marketClock is the demo's clock: the wall clock, moved so that it shows the
// market's day.
type marketClock struct {
	sb     *sandbox.Sandbox
	loc    *time.Location
	offset time.Duration
}

func (c *marketClock) Now() time.Time { return time.Now().Add(c.offset) }

// at sets the clock to the small hours of a date, but not beyond where settle
// will set it: what is decided later must not be of an earlier time.
func (c *marketClock) at(d civil.Date) {
	c.offset = min(time.Until(d.In(c.loc).Add(4*time.Hour+30*time.Minute)), c.ahead(d))
}

// settle goes back to the wall clock where the market stands at its day, and
// stays ahead of it where the market does.
func (c *marketClock) settle() { c.offset = c.ahead(c.sb.Market().Today()) }

// ahead is by how much a date lies before the wall clock's; 0 where it does not.
func (c *marketClock) ahead(d civil.Date) time.Duration { return aheadOf(d, c.loc) }

func aheadOf(d civil.Date, loc *time.Location) time.Duration {
	return time.Duration(max(0, d.Sub(civil.Of(time.Now().In(loc))))) * 24 * time.Hour
}

type sandboxCmd struct {
	Scenario        string `required:"" help:"The market, a scenario file." placeholder:"SCENARIO.json"`
	GoogleAddr      string `help:"Where the Google Ads API is emulated." placeholder:"HOST:PORT"`
	MetaAddr        string `help:"Where the Graph API is emulated." placeholder:"HOST:PORT"`
	DataManagerAddr string `name:"datamanager-addr" help:"Where the Data Manager API and the token endpoint are emulated." placeholder:"HOST:PORT"`
	ControlAddr     string `help:"Where the clock is moved and faults are set." placeholder:"HOST:PORT"`
	Faults          string `help:"A fault table." placeholder:"FILE"`
}

func (c *sandboxCmd) Help() string {
	return "Example: adsteward sandbox --scenario market.json. The first line of output is a JSON object with the addresses and the token."
}

func (c *sandboxCmd) Run(e *env) error {
	sc, err := readWith(c.Scenario, market.ReadScenario)
	if err != nil {
		return err
	}
	opts := sandbox.Options{Scenario: sc, GoogleAddr: c.GoogleAddr, MetaAddr: c.MetaAddr, DataManagerAddr: c.DataManagerAddr, ControlAddr: c.ControlAddr, Log: e.log}
	if c.Faults != "" {
		if opts.Faults, err = readWith(c.Faults, readFaults); err != nil {
			return err
		}
	}
	sb, err := sandbox.Start(opts)
	if err != nil {
		return usage("%v", err)
	}
	sb.Market().SetClock(time.Now)
	line, err := json.Marshal(sb.Info())
	if err == nil {
		_, err = fmt.Fprintln(e.stdout, string(line))
	}
	if err == nil {
		<-e.ctx.Done()
	}
	return errors.Join(err, sb.Stop())
}
