package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"github.com/schollz/progressbar/v3"

	"adsteward/feeds"
	"adsteward/internal/feedsource"
)

type feedsCmd struct {
	Validate feedsValidate `cmd:"" help:"Check a feed against the rules of Google Merchant Center and Meta, before they do. Example: adsteward feeds validate feed.xml --platform both"`
	Spend    feedsSpend    `cmd:"" help:"What ads spent on items: on those that should not be advertised, those that lose money, those no ad shows, and what is kept out of ads. Example: adsteward feeds spend --limit 50"`
	Labels   feedsLabels   `cmd:"" help:"Write the supplemental feed now: each item's margin tier as a custom label, and the items you approved to be kept out of ads. Nights write it by themselves to the files under feed_supplement. Example: adsteward feeds labels --out labels.tsv --platform google"`
	Pages    feedsPages    `cmd:"" help:"Compare items' landing pages with the feed: price and availability, for a sample and the ids you name. Example: adsteward feeds pages feed.xml --sample 50"`
	Score    feedsScore    `cmd:"" help:"How often the check foresaw what the platforms refused, as the newest night found. Example: adsteward feeds score"`
	Rules    feedsRules    `cmd:"" help:"List the rules, with what to do about each. Example: adsteward feeds rules --platform meta"`
}

type feedsValidate struct {
	File         string            `arg:"" name:"file" help:"A file, a directory of files, - for standard input, or an http(s) or sftp address (over sftp a directory too)."`
	Platform     string            `required:"" enum:"google,meta,both" help:"google, meta or both."`
	Country      string            `help:"Target country." placeholder:"CC"`
	Format       string            `enum:"auto,xml,tsv,csv,shopify,woocommerce" default:"auto" help:"auto, xml, tsv, csv (also with ; or |), or the product export of shopify or woocommerce (in English, German, French, Spanish, Dutch or Italian)."`
	Currency     string            `help:"Currency of prices in a shop system's export, which names none." placeholder:"EUR"`
	ShopURL      string            `name:"shop-url" help:"Address of the shop, for the links such an export lacks." placeholder:"URL"`
	Encoding     string            `help:"Character encoding, where the file does not say." placeholder:"E"`
	Taxonomy     string            `help:"Google's taxonomy-with-ids file, to look categories up in." type:"path" placeholder:"FILE"`
	Severity     map[string]string `help:"Set rules' severity to error, warning, normalized or ignore." placeholder:"RULE=SEVERITY"`
	Supplemental bool              `help:"The feed only adds to another: what it leaves out is no fault."`
	Cache        string            `help:"Keep verdicts in this file; the next time, items that have not changed are not checked again." type:"path" placeholder:"FILE"`
	PasswordEnv  string            `help:"Environment variable that holds the password for SFTP." placeholder:"NAME"`
	KeyEnv       string            `help:"Environment variable that holds the private key for SFTP." placeholder:"NAME"`
	KnownHosts   string            `help:"File of the servers' keys for SFTP; that of ssh by default." type:"path" placeholder:"FILE"`
	Limit        int               `help:"List at most this many issues; all where 0." default:"0"`
	Output       string            `enum:"table,json,csv,sarif,junit" default:"table" help:"table, json, csv, sarif or junit."`
	JSON         bool              `name:"json" help:"The same as --output json."`
}

// feedMemory is what the Go heap is held to while a feed is checked; feeds are
// read as they come, and only the tables of ids grow.
const feedMemory = 150 << 20

func (c *feedsValidate) Run(e *env) (err error) {
	start := time.Now()
	if os.Getenv("GOMEMLIMIT") == "" {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(feedMemory))
	}
	o, err := c.options(start)
	if err != nil {
		return err
	}
	r, _, err := feedsource.Open(e.ctx, c.File, feedsource.Options{Stdin: e.stdin,
		Password: os.Getenv(c.PasswordEnv), Key: os.Getenv(c.KeyEnv), KnownHosts: c.KnownHosts})
	if errors.Is(err, feedsource.ErrUnreachable) {
		return err
	}
	if err != nil {
		return usage("%v", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()

	out := newFeedWriter(e.stdout, c.Output, c.File)
	rep, err := c.withCache(o, func(o feeds.Options) (feeds.Report, error) { return c.validate(e, r, o, out) })
	var not *feeds.NotAFeed
	if errors.As(err, &not) {
		return usage("%s: %v", c.File, err)
	}
	if err != nil {
		return err
	}
	if err = out.end(rep, time.Since(start)); err == nil && rep.Errors > 0 {
		err = &findings{}
	}
	return err
}

func (c *feedsValidate) validate(e *env, r io.Reader, o feeds.Options, out feedWriter) (feeds.Report, error) {
	listed := 0
	return feeds.Validate(e.progress(r), o, func(_ feeds.Item, issues []feeds.Issue) error {
		for i := range issues {
			if listed++; c.Limit > 0 && listed > c.Limit {
				return nil
			}
			if err := out.issue(&issues[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// withCache lends the verdicts of the file to a validation, and replaces them by
// its own when it has come to an end.
func (c *feedsValidate) withCache(o feeds.Options, run func(feeds.Options) (feeds.Report, error)) (rep feeds.Report, err error) {
	if c.Cache == "" {
		return run(o)
	}
	known, err := os.Open(c.Cache)
	switch {
	case err == nil:
		defer known.Close()
		mark := make([]byte, len(feeds.VerdictMark))
		if _, err := known.ReadAt(mark, 0); err != nil || string(mark) != feeds.VerdictMark {
			return rep, usage("%s: holds no verdicts, and is not written over; name another file for --cache", c.Cache)
		}
		o.Known = known
	case !errors.Is(err, fs.ErrNotExist):
		return rep, usage("%v", err)
	}
	err = writeWhole(c.Cache, func(w io.Writer) (err error) {
		out := bufio.NewWriterSize(w, 256<<10)
		o.Keep = out
		if rep, err = run(o); err == nil && rep.AsKnown {
			return errAsKnown
		}
		return errors.Join(err, out.Flush())
	})
	if errors.Is(err, errAsKnown) {
		err = nil
	}
	return rep, err
}

// errAsKnown has the file of before stay.
var errAsKnown = errors.New("the verdicts are as they were")

func (c *feedsValidate) options(now time.Time) (feeds.Options, error) {
	o := feeds.Options{Platform: c.Platform, Country: c.Country, Format: c.Format, Encoding: c.Encoding, Currency: c.Currency, ShopURL: c.ShopURL, Now: now, Supplemental: c.Supplemental,
		Severities: map[string]feeds.Severity{}}
	for rule, severity := range c.Severity {
		o.Severities[rule] = feeds.Severity(severity)
	}
	if c.JSON {
		c.Output = "json"
	}
	if c.Taxonomy == "" {
		return o, nil
	}
	f, err := os.Open(c.Taxonomy)
	if err != nil {
		return o, usage("%v", err)
	}
	defer f.Close()
	if o.Taxonomy, err = feeds.ReadTaxonomy(f); err != nil {
		return o, usage("%s: %v", c.Taxonomy, err)
	}
	return o, nil
}

// progress shows how much of a feed was read, where someone looks on.
func (e *env) progress(r io.Reader) io.Reader {
	if !e.terminal() {
		return r
	}
	if _, many := r.(feeds.Shards); many {
		return r // a tee would hide where files end
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(e.stderr), progressbar.OptionShowBytes(true),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionClearOnFinish())
	return io.TeeReader(r, bar)
}

type feedsRules struct {
	Platform string `enum:"google,meta,both" default:"both" help:"google, meta or both."`
	JSON     bool   `name:"json" help:"A JSON array."`
}

// ruleRow is a rule as it is listed.
type ruleRow struct {
	Rule      string         `json:"rule"`
	Attribute string         `json:"attribute"`
	Platform  string         `json:"platform"`
	Severity  feeds.Severity `json:"severity"`
	Fix       string         `json:"fix"`
	Source    string         `json:"source"`
	Needs     string         `json:"needs,omitempty"`
}

func (c *feedsRules) Run(e *env) error {
	rows := []ruleRow{}
	for _, r := range feeds.Rules() {
		if c.Platform == "both" || r.Platform == "both" || r.Platform == c.Platform {
			rows = append(rows, ruleRow{r.ID, r.Attribute, r.Platform, r.Severity, r.Fix, r.Source, r.Needs})
		}
	}
	if c.JSON {
		return printJSON(e.stdout, rows)
	}
	for _, r := range rows {
		needs := ""
		if r.Needs != "" {
			needs = " (not checked here: needs " + r.Needs + ")"
		}
		if _, err := fmt.Fprintf(e.stdout, "%-34s %-7s %-10s %s%s\n", r.Rule, r.Platform, r.Severity, r.Fix, needs); err != nil {
			return err
		}
	}
	return nil
}
