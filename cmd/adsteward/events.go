package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"adsteward/attribution"
	"adsteward/bidding"
	"adsteward/internal/badinput"
	"adsteward/internal/money"
	"adsteward/internal/nightly"
	"adsteward/internal/platform"
	"adsteward/internal/present"
	"adsteward/store"
)

type eventsCmd struct {
	File     string `arg:"" name:"file" help:"CSV with event_name (or conversion_action), event_id (or transaction_id) and at; platform, source, order_id and value where there are; - for standard input."`
	Platform string `help:"Whose events they are, where the file has no column platform: google or meta." placeholder:"P"`
	Told     bool   `help:"Also those that adsteward told of the account's orders; takes a configuration."`
	Account  string `help:"With --told, only this account; the first of the configuration where not given." placeholder:"A"`
	Limit    int    `help:"So many findings; 0 for all." default:"20" placeholder:"N"`
	JSON     bool   `name:"json" help:"One JSON object: platforms with their counts, and findings."`
}

func (*eventsCmd) Help() string {
	return "Meta counts events of one name and id within 48 hours once, Google one for each transaction id of a conversion action. Exit code 1 where something counts twice or is lost. " +
		"Example: adsteward events pixel.csv --platform meta --told"
}

func (c *eventsCmd) Run(e *env) error {
	if err := knownPlatform(c.Platform); err != nil {
		return err
	}
	if c.Limit < 0 {
		return usage("--limit %d is below 0; 0 lists all", c.Limit)
	}
	events, err := c.read(e)
	if err != nil {
		return err
	}
	if c.Told {
		told, err := c.told(e)
		if err != nil {
			return err
		}
		events = append(events, told...)
	}
	rep := attribution.CheckEvents(events)
	found := len(rep.Findings)
	if c.Limit > 0 {
		rep.Findings = rep.Findings[:min(c.Limit, found)]
	}
	if c.JSON {
		err = printJSON(e.stdout, rep)
	} else {
		err = printEvents(e.stdout, rep, found)
	}
	if err == nil && found > 0 {
		return &findings{}
	}
	return err
}

func (c *eventsCmd) read(e *env) ([]attribution.ConversionEvent, error) {
	in, name := e.stdin, "standard input"
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return nil, usage("%v", err)
		}
		defer f.Close()
		in, name = f, c.File
	}
	events, err := readEvents(in, c.Platform)
	if err != nil {
		return nil, usage("%s: %v", name, err)
	}
	return events, nil
}

// eventColumns are the columns of a file of events by what they may be called.
var eventColumns = map[string][]string{
	"platform": {"platform"}, "source": {"source"}, "name": {"event_name", "conversion_action", "name"}, "id": {"event_id", "transaction_id", "id"},
	"order": {"order_id"}, "at": {"at", "event_time", "time"}, "value": {"value"},
}

// readEvents reads events; p is whose they are where no column says so.
func readEvents(r io.Reader, p string) ([]attribution.ConversionEvent, error) {
	in := csv.NewReader(badinput.SkipBOM(r))
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("the file is empty; its first line names the columns")
	}
	if err != nil {
		return nil, badEvents(err)
	}
	at := map[string]int{}
	for column, names := range eventColumns {
		at[column] = slices.IndexFunc(header, func(h string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(h)))
		})
	}
	for _, column := range []string{"name", "id", "at"} {
		if at[column] < 0 {
			return nil, fmt.Errorf("line 1: the header has no column %s; it has %s", eventColumns[column][0], strings.Join(header, ", "))
		}
	}
	if at["platform"] < 0 && p == "" {
		return nil, errors.New("line 1: the header has no column platform; say whose events they are with --platform")
	}
	var out []attribution.ConversionEvent
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, badEvents(err)
		}
		line, _ := in.FieldPos(0)
		ev, err := eventOf(func(column string) string {
			if at[column] < 0 {
				return ""
			}
			return strings.TrimSpace(row[at[column]])
		}, p)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		ev.Line = line
		out = append(out, ev)
	}
}

// badEvents says in which line a file of events is no CSV, and what to do.
func badEvents(err error) error {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return err
	}
	if errors.Is(err, csv.ErrFieldCount) {
		return fmt.Errorf("line %d: %w; give each row as many cells as the header, and quote values that hold a comma", p.StartLine, p.Err)
	}
	return fmt.Errorf("line %d: %w; quote the cell and double the quotes inside it", p.StartLine, p.Err)
}

func eventOf(get func(column string) string, p string) (attribution.ConversionEvent, error) {
	ev := attribution.ConversionEvent{Platform: strings.ToLower(get("platform")), Source: get("source"), Name: strings.Clone(get("name")), ID: strings.Clone(get("id")), OrderID: strings.Clone(get("order"))}
	if ev.Platform == "" {
		ev.Platform = p
	}
	if ev.Platform != string(platform.Google) && ev.Platform != string(platform.Meta) {
		return ev, fmt.Errorf("column platform: %q is neither google nor meta", ev.Platform)
	}
	if ev.Name == "" {
		return ev, errors.New("column event_name: is empty; give the event's name or the conversion action")
	}
	var err error
	if ev.At, err = eventTime(get("at")); err != nil {
		return ev, err
	}
	if v := get("value"); v != "" {
		if ev.Value, err = money.Parse(v); err != nil || ev.Value < 0 {
			return ev, fmt.Errorf("column value: %q is not an amount; write it as 12.50", v)
		}
	}
	return ev, nil
}

// eventTime reads RFC 3339, a date, or seconds since 1970, as Meta's event_time.
func eventTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 0 && n < 1e11 {
		return time.Unix(n, 0).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("column at: %q is not a time; write it as 2026-03-01T09:30:00Z or in seconds since 1970", s)
}

// told are the purchases that adsteward told of an account's orders, under the
// names that it uses.
func (c *eventsCmd) told(e *env) ([]attribution.ConversionEvent, error) {
	a, err := e.open()
	if err != nil {
		return nil, err
	}
	defer a.close()
	shop, err := a.oneShop(c.Account)
	if err != nil {
		return nil, err
	}
	var out []attribution.ConversionEvent
	for _, set := range shop.Tell {
		name := toldName(set)
		err := a.store.EachTold(e.ctx, shop.Name, string(set.Platform), time.Time{}, func(t store.ToldConversion) error {
			if t.State == bidding.ToldDone {
				out = append(out, attribution.ConversionEvent{Platform: string(set.Platform), Source: "adsteward", Name: name, ID: t.OrderID, OrderID: t.OrderID, At: t.ToldAt, Value: t.Value})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// toldName is what adsteward tells orders as: Meta's event name, or the number of
// Google's conversion action.
func toldName(set nightly.TellSettings) string {
	if set.Platform == platform.Meta {
		return "Purchase"
	}
	return set.Target
}

func printEvents(out io.Writer, rep attribution.EventReport, found int) error {
	if len(rep.Platforms) == 0 {
		_, err := fmt.Fprintln(out, "There are no events.")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "PLATFORM\tEVENTS\tKNOWN AGAIN\tCOUNTED\tORDERS\tCOUNTED TWICE\tTHEIR VALUE\tWITHOUT AN ID\tNOT COUNTED")
	for _, p := range rep.Platforms {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%d\n", present.PlatformName(p.Platform), p.Events, p.Deduplicated, p.Counted, p.Orders, p.Twice, p.TwiceValue.Decimal(), p.WithoutID, p.Lost)
	}
	if found > 0 {
		fmt.Fprintln(w)
		fmt.Fprintln(w, "LINE\tFIRST\tPLATFORM\tORDER\tWHY")
	}
	where := func(line int) string {
		if line == 0 {
			return "adsteward"
		}
		return strconv.Itoa(line)
	}
	for _, f := range rep.Findings {
		first := where(f.First)
		if f.Fault == attribution.WithoutID {
			first = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", where(f.Line), first, present.PlatformName(f.Platform), f.OrderID, f.Why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if left := found - len(rep.Findings); left > 0 {
		_, err := fmt.Fprintf(out, "and %d more; --limit 0 lists all\n", left)
		return err
	}
	return nil
}
