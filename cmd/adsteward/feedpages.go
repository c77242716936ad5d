package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"

	"adsteward/feeds"
	"adsteward/feeds/pagedata"
	"adsteward/internal/feedsource"
	"adsteward/internal/landing"
)

type feedsPages struct {
	File         string   `arg:"" name:"file" help:"A file, - for standard input, or an http(s) address."`
	Platform     string   `enum:"google,meta,both" default:"both" help:"google, meta or both: whom the feed is for."`
	Sample       int      `default:"100" help:"How many items to draw; with the same seed the same ones."`
	Seed         uint64   `default:"1" help:"Draws another sample."`
	Items        []string `help:"Ids of items to look at whatever the sample, such as those that spend." placeholder:"ID,..."`
	Rate         float64  `default:"1" help:"Pages a second and host."`
	AllowPrivate bool     `help:"Also fetch addresses that are not public: a shop under test."`
	Format       string   `enum:"auto,xml,tsv,csv,shopify,woocommerce" default:"auto" help:"auto, xml, tsv, csv, or the product export of shopify or woocommerce."`
	ShopURL      string   `name:"shop-url" help:"Address of the shop, for the links such an export lacks." placeholder:"URL"`
	Currency     string   `help:"Currency of prices in such an export, which names none." placeholder:"EUR"`
	Encoding     string   `help:"Character encoding, where the file does not say." placeholder:"E"`
	JSON         bool     `name:"json" help:"One JSON document."`
}

// pagesReport is the JSON of a check of landing pages.
type pagesReport struct {
	Items int `json:"items"` // in the feed
	pagedata.Report
	Seconds float64 `json:"seconds"`
}

func (c *feedsPages) Run(e *env) error {
	start := time.Now()
	if c.Sample < 0 || !(c.Rate > 0 && c.Rate <= 100) {
		return usage("--sample must not be negative and --rate must be above 0 and at most 100 pages a second")
	}
	sampler, items, err := c.draw(e)
	if err != nil {
		return err
	}
	client := landing.New(landing.Options{Rate: c.Rate, Google: c.Platform != "meta", AllowPrivate: c.AllowPrivate})
	defer client.Close()
	drawn, looked := sampler.Items(), func(feeds.Item) {}
	if e.terminal() {
		bar := progressbar.NewOptions(len(drawn), progressbar.OptionSetWriter(e.stderr), progressbar.OptionSetDescription("pages"), progressbar.OptionClearOnFinish())
		looked = func(feeds.Item) { _ = bar.Add(1) } // a bar that cannot be drawn harms nothing
	}
	rep := pagesReport{Items: items, Report: pagedata.Report{Now: start, ByKind: map[pagedata.Kind]int{}, Findings: []pagedata.Finding{}}}
	rep.AddAbsent(sampler.Absent())
	if err := client.Check(e.ctx, drawn, &rep.Report, looked); err != nil {
		return err
	}
	rep.Seconds = time.Since(start).Seconds()
	if err := c.print(e, &rep); err != nil {
		return err
	}
	switch {
	case rep.Pages > 0 && rep.ByKind[pagedata.NoAnswer] == rep.Pages:
		return &unreachable{fmt.Errorf("none of the %d pages answered: %s", rep.Pages, rep.Findings[len(rep.Findings)-1].Message)}
	case rep.Errors() > 0:
		return &findings{}
	}
	return nil
}

// draw reads the feed and keeps the sample.
func (c *feedsPages) draw(e *env) (s *pagedata.Sampler, items int, err error) {
	r, _, err := feedsource.Open(e.ctx, c.File, feedsource.Options{Stdin: e.stdin})
	if errors.Is(err, feedsource.ErrUnreachable) {
		return nil, 0, err
	}
	if err != nil {
		return nil, 0, usage("%v", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	s = pagedata.NewSampler(c.Sample, c.Seed, c.Items)
	rep, err := feeds.Validate(e.progress(r), feeds.Options{Platform: c.Platform, Format: c.Format, Encoding: c.Encoding, ShopURL: c.ShopURL, Currency: c.Currency}, func(it feeds.Item, _ []feeds.Issue) error {
		s.Add(it)
		return nil
	})
	var not *feeds.NotAFeed
	if errors.As(err, &not) {
		return nil, 0, usage("%s: %v", c.File, err)
	}
	return s, rep.Items, err
}

func (c *feedsPages) print(e *env, rep *pagesReport) error {
	if c.JSON {
		return printJSON(e.stdout, rep)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	for _, f := range rep.Findings {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s; %s\n", f.Severity, f.Kind, f.ItemID, f.Message, f.Fix)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(e.stdout, "%d items, %d pages looked at, %d agree with the feed; %d findings, %d of them errors.\n",
		rep.Items, rep.Pages, rep.Agree, len(rep.Findings), rep.Errors())
	return err
}
