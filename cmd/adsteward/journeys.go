package main

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"adsteward/attribution"
	"adsteward/attribution/identity"
	"adsteward/internal/civil"
	"adsteward/internal/nightly"
	"adsteward/internal/present"
	"adsteward/store"
)

type journeysCmd struct {
	Compare journeysCompare `cmd:"" default:"withargs" help:"Attribution models side by side over the shop's stored orders and the touches before them."`
	Persons journeysPersons `cmd:"" help:"Who is behind an identifier and why, and who is not one person."`
}

func (*journeysCmd) Help() string {
	return "Example: adsteward journeys --model last_click,markov. Without a command it compares the models."
}

type journeysCompare struct {
	Model   []string `help:"last_click, first_click, last_non_direct, linear, time_decay, position, shapley, markov, shapley_rate; all but the last where not given." placeholder:"M"`
	Order   []int    `default:"1" help:"Order of the Markov model, or several: 1,2,3." placeholder:"N"`
	By      string   `enum:"channel,campaign" default:"channel" help:"Credit by channel or by campaign."`
	Orders  string   `enum:"all,first,repeat" default:"all" help:"All orders, or those of customers' first days, or later ones."`
	Days    int      `default:"90" help:"So many days of orders up to --date." placeholder:"N"`
	Date    string   `help:"Up to this date; today where not given." placeholder:"D"`
	Account string   `help:"Only this account; the first of the configuration where not given." placeholder:"A"`
	modelFlags
	JSON bool `name:"json" help:"One JSON object: models, outcomes, view_through, paths, lags, persons." xor:"form"`
	CSV  bool `name:"csv" help:"One CSV row for each model and channel." xor:"form"`
}

func (*journeysCompare) Help() string {
	return "Example: adsteward journeys --model last_click,markov --by campaign --orders first. Look-back windows are the platforms' own unless the configuration says otherwise."
}

// journeysReport is the JSON of journeys.
type journeysReport struct {
	Account  string                `json:"account"`
	Currency string                `json:"currency"`
	Basis    nightly.JourneysBasis `json:"basis"`
	attribution.PathReport
	names map[string]string // of campaigns, for people
}

func (c *journeysCompare) Run(e *env) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	shop, err := a.oneShop(c.Account)
	if err != nil {
		return err
	}
	date := civil.Of(a.steward.Now().In(shop.Location))
	if c.Date != "" {
		if date, err = civil.Parse(c.Date); err != nil {
			return usage("--date: %v", err)
		}
	}
	out := journeysReport{Account: shop.Name, Currency: shop.Currency}
	if out.Basis, out.PathReport, err = a.steward.Journeys(e.ctx, shop.Name, date, c.Days, q); err != nil {
		return err
	}
	switch {
	case c.JSON:
		return printJSON(e.stdout, out)
	case c.CSV:
		return out.csv(e.stdout)
	}
	entities, err := a.store.Entities(e.ctx, shop.Name)
	if err != nil {
		return err
	}
	out.names = present.NamesOfCampaigns(entities)
	return out.print(e.stdout)
}

func (c *journeysCompare) query() (attribution.PathQuery, error) {
	q := attribution.PathQuery{By: c.By, Orders: c.Orders, Order: c.Order}
	if len(c.Model) == 0 {
		c.Model = attribution.Models()
	}
	for _, m := range c.Model {
		m = strings.TrimSpace(m)
		if !slices.Contains(attribution.AllModels(), m) {
			return q, usage("--model: there is no model %q; choose among %s", m, strings.Join(attribution.AllModels(), ", "))
		}
		if !slices.Contains(q.Models, m) {
			q.Models = append(q.Models, m)
		}
	}
	for _, order := range c.Order {
		if order < 1 || order > attribution.MaxOrder {
			return q, usage("--order is %d; give 1 to %d", order, attribution.MaxOrder)
		}
	}
	if c.Days < 1 || c.Days > 3660 {
		return q, usage("--days is %d; give 1 to 3660", c.Days)
	}
	var err error
	if q.Options, err = c.options(); err != nil {
		return q, err
	}
	if c.Intervals {
		q.Repetitions = repetitions
	}
	return q, nil
}

// figures are the columns of a model: its channels' credit.
func (r journeysReport) table(w io.Writer, title string, figure func(m attribution.PathResult, channel int) string) {
	fmt.Fprint(w, title, "\t")
	for _, m := range r.Models {
		fmt.Fprint(w, modelName(m.Result), "\t")
	}
	fmt.Fprintln(w)
	for i, c := range r.Models[0].Channels {
		fmt.Fprint(w, cmp.Or(r.names[c.Channel], c.Channel), "\t")
		for _, m := range r.Models {
			fmt.Fprint(w, figure(m, i), "\t")
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

func modelName(r attribution.Result) string {
	if r.Order != nil {
		return fmt.Sprint(r.Model, " ", *r.Order)
	}
	return r.Model
}

func (r journeysReport) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', tabwriter.AlignRight)
	if len(r.Models) > 0 && len(r.Models[0].Channels) > 0 {
		r.table(w, "orders", func(m attribution.PathResult, i int) string { return fmt.Sprintf("%.2f", m.Channels[i].Conversions) })
		r.table(w, "revenue less refunds, "+r.Currency, func(m attribution.PathResult, i int) string { return fmt.Sprintf("%.2f", m.Channels[i].Value) })
		r.table(w, "contribution margin, "+r.Currency, func(m attribution.PathResult, i int) string { return fmt.Sprintf("%.2f", m.Margins[i]) })
		if r.Models[0].Channels[0].ConversionShare != nil {
			r.table(w, "share of orders, 90 % interval", func(m attribution.PathResult, i int) string {
				s := m.Channels[i].ConversionShare
				return fmt.Sprintf("%.1f (%.1f to %.1f) %%", 100*s.Share, 100*s.Low, 100*s.High)
			})
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	w = tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT CAME BEFORE THE ORDER\tORDERS\tREVENUE LESS REFUNDS")
	for _, o := range r.Outcomes {
		fmt.Fprintf(w, "%s\t%d\t%s\n", outcomeText(o.Outcome), o.Orders, present.Amount(o.Value.Float(), r.Currency))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d orders of %s to %s; %.0f journeys with a click, %.0f of them to an order. %d identifiers are %d persons; %d touches without a customer are of somebody who ordered.\n"+
		"Credit is no proof that a channel caused an order; experiments are.\n", r.Basis.Orders, r.Basis.From, r.Basis.To, r.Journeys, r.Conversions, r.Basis.Identifiers, r.Basis.Persons, r.Basis.Stitched)
	return err
}

func outcomeText(o attribution.Outcome) string {
	switch o {
	case attribution.Clicked:
		return "a click within its look-back window: what the models see"
	case attribution.Viewed:
		return "an ad seen, none clicked"
	case attribution.TooOld:
		return "touches, but none within its look-back window"
	case attribution.TouchAfter:
		return "the first touch came after the order"
	case attribution.OfflineOrder:
		return "ordered outside the web shop, no touch known"
	}
	return "no touch known"
}

// csv writes a row for each model and channel.
func (r journeysReport) csv(out io.Writer) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"model", "order", r.By, "orders", "value", "margin", "share", "share_low", "share_high", "currency"}}
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	for _, m := range r.Models {
		order := ""
		if m.Order != nil {
			order = strconv.Itoa(*m.Order)
		}
		for i, c := range m.Channels {
			row := []string{m.Model, order, c.Channel, number(c.Conversions), number(c.Value), number(m.Margins[i]), "", "", "", r.Currency}
			if s := c.ConversionShare; s != nil {
				row[6], row[7], row[8] = number(s.Share), number(s.Low), number(s.High)
			}
			rows = append(rows, row)
		}
	}
	return w.WriteAll(rows)
}

type journeysPersons struct {
	Show    personsShow    `cmd:"" help:"Who is behind an identifier, and which evidence says so."`
	Split   personsSplit   `cmd:"" help:"Keep two identifiers from being taken for one person; with one, it joins nobody."`
	Unsplit personsUnsplit `cmd:"" help:"Take a split back."`
	List    personsList    `cmd:"" help:"The splits there are."`
}

func (*journeysPersons) Help() string {
	return "Example: adsteward journeys persons show customer:1001"
}

type personsShow struct {
	ID      string `arg:"" name:"id" help:"kind:value. Kinds: customer, email, phone, visitor, click. E-mail and phone in the clear or as shown."`
	Account string `help:"Only this account; the first of the configuration where not given." placeholder:"A"`
	JSON    bool   `name:"json" help:"One JSON object: of, members with their path, dropped, apart."`
}

func (*personsShow) Help() string {
	return "Example: adsteward journeys persons show customer:1001"
}

func (c *personsShow) Run(e *env) error {
	return e.onPersons(c.Account, []string{c.ID}, func(a *app, shop string, ids []identity.ID) error {
		p, err := a.steward.Person(e.ctx, shop, ids[0])
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(e.stdout, p)
		}
		return printPerson(e.stdout, p)
	})
}

// onPersons opens the store for a command about identifiers.
func (e *env) onPersons(account string, texts []string, do func(a *app, shop string, ids []identity.ID) error) error {
	a, err := e.open()
	if err != nil {
		return err
	}
	defer a.close()
	shop, err := a.oneShop(account)
	if err != nil {
		return err
	}
	ids := make([]identity.ID, 2)
	for i, text := range texts {
		if ids[i], err = a.steward.NamedID(text); err != nil {
			return usage("%v", err)
		}
	}
	return do(a, shop.Name, ids)
}

// shortID is an identifier for people: of a hash the first digits tell it apart.
func shortID(id identity.ID) string {
	if (id.Kind == identity.Email || id.Kind == identity.Phone) && len(id.Value) > 12 {
		return id.Kind.String() + ":" + id.Value[:12] + "..."
	}
	return id.String()
}

func printPerson(out io.Writer, p identity.Person) error {
	if len(p.Members) == 1 && len(p.Dropped)+len(p.Apart) == 0 {
		_, err := fmt.Fprintf(out, "%s was never seen with another identifier.\n", shortID(p.Of))
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "SAME PERSON AS %s\tBECAUSE\n", shortID(p.Of))
	for _, m := range p.Members {
		var why []string
		for _, l := range m.Path {
			step := l.Seen
			if l.First != nil {
				step += " of " + l.First.Format("2006-01-02")
			}
			why = append(why, fmt.Sprintf("%s has %s with %s", step, shortID(l.From), shortID(l.To)))
		}
		if len(why) > 0 {
			fmt.Fprintf(w, "%s\t%s\n", shortID(m.ID), strings.Join(why, "; "))
		}
	}
	for _, d := range append(slices.Clone(p.Dropped), p.Apart...) {
		fmt.Fprintf(w, "not %s\t%s\n", shortID(d.ID), d.Why)
	}
	return w.Flush()
}

type personsSplit struct {
	IDs     []string   `arg:"" name:"id" help:"Two identifiers, or one that joins nobody: kind:value."`
	Reason  reasonText `required:"" help:"Why; it goes into the audit log." placeholder:"TEXT"`
	Account string     `help:"Only this account; the first of the configuration where not given." placeholder:"A"`
}

func (*personsSplit) Help() string {
	return `Example: adsteward journeys persons split customer:1001 visitor:v17 --reason "the computer of the library". The next night honours it.`
}

func (c *personsSplit) Run(e *env) error {
	if len(c.IDs) > 2 {
		return usage("%d identifiers are given; give one or two", len(c.IDs))
	}
	return e.onPersons(c.Account, c.IDs, func(a *app, shop string, ids []identity.ID) error {
		if err := a.steward.SplitPersons(e.ctx, actor(), shop, ids[0], ids[1], string(c.Reason)); err != nil {
			if nightly.IsRefused(err) {
				return usage("%v", err)
			}
			return err
		}
		_, err := fmt.Fprintln(e.stdout, "Noted; the next night honours it.")
		return err
	})
}

type personsUnsplit struct {
	IDs     []string `arg:"" name:"id" help:"The identifiers of the split."`
	Account string   `help:"Only this account; the first of the configuration where not given." placeholder:"A"`
}

func (*personsUnsplit) Help() string {
	return "Example: adsteward journeys persons unsplit customer:1001 visitor:v17"
}

func (c *personsUnsplit) Run(e *env) error {
	if len(c.IDs) > 2 {
		return usage("%d identifiers are given; give one or two", len(c.IDs))
	}
	return e.onPersons(c.Account, c.IDs, func(a *app, shop string, ids []identity.ID) error {
		err := a.steward.UnsplitPersons(e.ctx, actor(), shop, ids[0], ids[1], "taken back")
		if errors.Is(err, store.ErrNotFound) {
			return usage("there is no such split; adsteward journeys persons list shows them")
		}
		return err
	})
}

type personsList struct {
	Account string `help:"Only this account; the first of the configuration where not given." placeholder:"A"`
	JSON    bool   `name:"json" help:"One JSON array."`
}

func (*personsList) Help() string { return "Example: adsteward journeys persons list --json" }

func (c *personsList) Run(e *env) error {
	return e.onPersons(c.Account, nil, func(a *app, shop string, _ []identity.ID) error {
		splits, err := a.store.Splits(e.ctx, shop)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(e.stdout, append([]store.Split{}, splits...))
		}
		w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "KEPT APART\tFROM\tBY\tWHEN\tWHY")
		for _, s := range splits {
			from := s.B
			if from == "" {
				from = "everybody"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.A, from, s.Actor, s.At.Format("2006-01-02"), s.Reason)
		}
		return w.Flush()
	})
}
