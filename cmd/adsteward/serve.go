package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"adsteward/internal/nightly"
	"adsteward/internal/web"
)

var _ web.Desk = (*nightly.Steward)(nil)

type serveCmd struct {
	Addr string `help:"Where to serve the pages; web.listen where not given." placeholder:"HOST:PORT"`
}

func (c *serveCmd) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	addr := a.cfg.Web.Listen
	if c.Addr != "" {
		addr = c.Addr
	}
	d, err := e.startDaemon(a, addr)
	if err != nil {
		return err
	}
	<-e.ctx.Done()
	return d.stop()
}

// daemon is the running program: queue, clock and pages.
type daemon struct {
	queue *nightly.Queue
	clock *nightly.Clock
	http  *http.Server
	done  chan error // what Serve returned
	url   string
}

func listen(addr string) (net.Listener, error) {
	lis, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, usage("%s cannot be listened on: %v; choose another with --addr or web.listen", addr, err)
	}
	return lis, nil
}

// free reports whether an address can be listened on.
func free(addr string) error {
	lis, err := listen(addr)
	if err != nil {
		return err
	}
	return lis.Close()
}

// startDaemon starts to serve; the pages are up when it returns.
func (e *env) startDaemon(a *app, addr string) (*daemon, error) {
	lis, err := listen(addr)
	if err != nil {
		return nil, err
	}
	d := &daemon{done: make(chan error, 1), url: "http://" + lis.Addr().String()}
	if a.cfg.Web.PublicURL != "" {
		d.url = strings.TrimSuffix(a.cfg.Web.PublicURL, "/")
	}
	if err := d.start(e, a, lis); err != nil {
		return nil, errors.Join(err, d.stop(), lis.Close())
	}
	return d, nil
}

func (d *daemon) start(e *env, a *app, lis net.Listener) error {
	pages, err := web.New(web.Options{Store: a.store, Desk: a.steward, Now: a.steward.Now, Log: e.log, PublicURL: d.url,
		Secure: strings.HasPrefix(d.url, "https://")})
	if err != nil {
		return err
	}
	if d.queue, err = nightly.OpenQueue(e.ctx, a.steward); err != nil {
		return &unreachable{err}
	}
	// Work goes on until stop, not merely until a signal: a stage under way ends well.
	ctx := context.WithoutCancel(e.ctx)
	if err := d.queue.Start(ctx); err != nil {
		return &unreachable{err}
	}
	loc, err := time.LoadLocation(a.cfg.Schedule.TimeZone)
	if err != nil {
		return err
	}
	d.clock, err = nightly.NewClock(d.queue, nightly.Schedule{Cron: a.cfg.Schedule.Cron, Location: loc, Grace: time.Duration(a.cfg.Schedule.Grace)})
	if err != nil {
		return usage("%s: %v", a.cfg.File(), err)
	}
	if err := d.clock.Start(ctx); err != nil {
		return err
	}
	d.http = &http.Server{Handler: pages.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	d.http.RegisterOnShutdown(pages.Close) // live streams end, or the shutdown would wait for them
	go func() { d.done <- d.http.Serve(lis) }()
	link, err := pages.FirstLink(e.ctx)
	if err != nil {
		return err
	}
	if link != "" {
		fmt.Fprintf(e.stderr, "Nobody can log in yet. This link works once, for a day, and makes you admin:\n  %s\n", link)
	} else {
		fmt.Fprintf(e.stderr, "The pages are at %s\n", d.url)
	}
	return nil
}

// stop ends everything in order and waits. It may be called twice.
func (d *daemon) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var faults []error
	if d.clock != nil {
		faults = append(faults, d.clock.Stop())
		d.clock = nil
	}
	if d.http != nil {
		faults = append(faults, d.http.Shutdown(ctx))
		if err := <-d.done; !errors.Is(err, http.ErrServerClosed) {
			faults = append(faults, err)
		}
		d.http = nil
	}
	if d.queue != nil {
		faults = append(faults, d.queue.Stop(ctx), d.queue.Close())
		d.queue = nil
	}
	return errors.Join(faults...)
}

type loginLinkCmd struct {
	User string `arg:"" help:"The user's name."`
}

func (c *loginLinkCmd) Run(e *env) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	url := a.cfg.Web.PublicURL
	if url == "" {
		url = "http://" + a.cfg.Web.Listen
	}
	pages, err := web.New(web.Options{Store: a.store, Desk: a.steward, Now: a.steward.Now, Log: e.log, PublicURL: strings.TrimSuffix(url, "/")})
	if err != nil {
		return err
	}
	link, err := pages.LoginLink(e.ctx, c.User)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.stdout, link)
	return nil
}
