// Command adsteward looks after a shop's advertising money on Google Ads and
// Meta. This package holds flags, configuration and wiring; what the program
// does lives in the packages it calls.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // ad accounts name zones; the machine may not know them

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"adsteward/store"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// cli is the whole command line; CONTRACT names in it stay as they are.
type cli struct {
	Config string `help:"Configuration file." default:"adsteward.yaml" type:"path" placeholder:"FILE"`
	Log    string `help:"What to log: debug, info, warn or error." enum:"debug,info,warn,error" default:"warn"`

	Demo        demoCmd        `cmd:"" help:"Emulated platforms, some nights already run, and the review page."`
	Init        initCmd        `cmd:"" help:"Write a commented configuration to start from."`
	Doctor      doctorCmd      `cmd:"" help:"Check configuration, credentials, reachability, clock and database."`
	Serve       serveCmd       `cmd:"" help:"Run as a daemon: schedule, work queue, review pages."`
	Run         runCmd         `cmd:"" help:"One night now, for cron."`
	Status      statusCmd      `cmd:"" help:"Runs, stages, queue, last errors, freshness."`
	Migrate     migrateCmd     `cmd:"" help:"Bring the database schema up to date, or show where it stands."`
	Backup      backupCmd      `cmd:"" help:"A consistent copy of the database while it is in use."`
	KillSwitch  killSwitchCmd  `cmd:"" help:"Stop every push, or allow them again."`
	Proposals   proposalsCmd   `cmd:"" help:"List, show and decide on proposals, and push them."`
	Targets     targetsCmd     `cmd:"" help:"What a sale is worth per campaign, and what ROAS that asks for."`
	Outcomes    outcomesCmd    `cmd:"" help:"What became of the changes: promised against realised."`
	Values      valuesCmd      `cmd:"" help:"What the platforms are told of orders: preview it, list it, send it."`
	Export      exportCmd      `cmd:"" help:"Approved changes as the platforms' own bulk-edit sheets."`
	Audit       auditCmd       `cmd:"" help:"The audit log: list it, verify its chain."`
	Import      importCmd      `cmd:"" help:"Bring in orders, touches, carts, costs, consents or performance."`
	LoginLink   loginLinkCmd   `cmd:"" help:"A one-time link with which a user sets a new password."`
	Feeds       feedsCmd       `cmd:"" help:"Check product feeds, see what ads spend on their items, and keep out of ads what does not pay."`
	LTV         ltvCmd         `cmd:"" name:"ltv" help:"What customers will be worth: order-count and value models on a file of orders."`
	Segments    segmentsCmd    `cmd:"" help:"What customers are worth and cost, by how they were acquired."`
	Ads         adsCmd         `cmd:"" help:"How each ad holds up, and which are worn out."`
	Experiments experimentsCmd `cmd:"" help:"Experiments that find what advertising caused: plan, start, watch and end them."`
	Attribution attributionCmd `cmd:"" help:"Which touch earned the orders: attribution models over a file of journeys."`
	Lift        liftCmd        `cmd:"" help:"What advertising caused: experiments on regions, people and days, planned and analysed on files."`
	Journeys    journeysCmd    `cmd:"" help:"Attribution models over the shop's stored orders, and who is one person."`
	Reconcile   reconcileCmd   `cmd:"" help:"What the platforms claim against the shop's own orders, each paid once."`
	Events      eventsCmd      `cmd:"" help:"Which purchases told by the website's pixel and by a server count twice."`
	Allocate    allocateCmd    `cmd:"" help:"Where the money goes: the optimum over response curves under bounds."`
	Audiences   audiencesCmd   `cmd:"" help:"Which campaigns share their people; who is on which list and why; identifiers normalised and hashed as the platforms do."`
	Sandbox     sandboxCmd     `cmd:"" help:"Only the emulated platforms, for other clients to talk to."`
	Simulate    simulateCmd    `cmd:"" help:"What adsteward earns in simulated markets, compared with other policies."`
}

// env is what a command may touch of the world.
type env struct {
	ctx    context.Context
	cli    *cli
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	log    *slog.Logger
}

// output is standard output. It keeps the first error, since hardly anybody who prints
// a line looks at what became of it.
type output struct {
	to  io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.to.Write(p)
	if err != nil && o.err == nil {
		o.err = fmt.Errorf("standard output: %w", err)
	}
	return n, err
}

// terminal reports whether progress may be drawn.
func (e *env) terminal() bool {
	f, ok := e.stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// run is the program; it returns the exit code. Tests call it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	var c cli
	// kong ends the program after --help by calling Exit; the panic brings it
	// back here, so that run can be called more than once in a process.
	type exit int
	defer func() {
		if p := recover(); p != nil {
			n, ok := p.(exit)
			if !ok {
				panic(p)
			}
			code = int(n)
		}
	}()
	parser, err := kong.New(&c, kong.Name("adsteward"), kong.UsageOnError(),
		kong.Description("Looks after a shop's advertising money on Google Ads and Meta."),
		kong.Writers(stdout, stderr), kong.Exit(func(n int) { panic(exit(n)) }))
	if err != nil {
		fmt.Fprintln(stderr, "adsteward:", err)
		return codeUsage
	}
	kctx, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "adsteward: %v; see adsteward --help\n", err)
		return codeUsage
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log)); err != nil {
		fmt.Fprintln(stderr, "adsteward:", err)
		return codeUsage
	}
	out := &output{to: stdout}
	e := &env{ctx: ctx, cli: &c, stdin: stdin, stdout: out, stderr: stderr,
		log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))}
	err = store.Worded(kctx.Run(e))
	if _, found := errors.AsType[*findings](err); out.err != nil && (err == nil || found) {
		err = out.err // what nobody could read was not done
	}
	if err != nil && err.Error() != "" {
		fmt.Fprintln(stderr, "adsteward:", oneLine(err))
	}
	return exitCode(err)
}
