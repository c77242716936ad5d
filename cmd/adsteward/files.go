package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"adsteward/audiences"
	"adsteward/feeds"
	"adsteward/internal/feedsource"
)

type feedsCmd struct {
	Validate feedsValidate `cmd:"" help:"Check a feed's required attributes. Example: adsteward feeds validate feed.xml --platform both"`
}

type feedsValidate struct {
	File     string `arg:"" name:"file" help:"A file, - for standard input, or an http(s) address."`
	Platform string `required:"" enum:"google,meta,both" help:"google, meta or both."`
	Country  string `help:"Target country." placeholder:"CC"`
	Format   string `enum:"auto,xml,tsv,csv" default:"auto" help:"auto, xml, tsv or csv."`
	Encoding string `help:"Character encoding, where the file does not say." placeholder:"E"`
	Limit    int    `help:"List at most this many issues; all where 0." default:"0"`
	JSON     bool   `name:"json" help:"One JSON object."`
}

// feedReport is the JSON of feeds validate.
type feedReport struct {
	feeds.Report
	Issues  []feeds.Issue `json:"issues"`
	Seconds float64       `json:"seconds"`
}

func (c *feedsValidate) Run(e *env) (err error) {
	start := time.Now()
	r, _, err := feedsource.Open(e.ctx, c.File, feedsource.Options{Stdin: e.stdin})
	if errors.Is(err, feedsource.ErrUnreachable) {
		return err
	}
	if err != nil {
		return usage("%v", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	out := feedReport{Issues: []feeds.Issue{}}
	out.Report, err = feeds.Validate(r, feeds.Options{Platform: c.Platform, Country: c.Country, Format: c.Format, Encoding: c.Encoding},
		func(_ feeds.Item, issues []feeds.Issue) error {
			for _, i := range issues {
				if c.Limit == 0 || len(out.Issues) < c.Limit {
					out.Issues = append(out.Issues, i)
				}
			}
			return nil
		})
	var not *feeds.NotAFeed
	if errors.As(err, &not) {
		return usage("%s: %v", c.File, err)
	}
	if err != nil {
		return err
	}
	out.Seconds = time.Since(start).Seconds()
	if c.JSON {
		err = printJSON(e.stdout, out)
	} else {
		err = out.print(e.stdout)
	}
	if err == nil && out.Errors > 0 {
		err = &findings{}
	}
	return err
}

func (r feedReport) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, i := range r.Issues {
		fmt.Fprintf(w, "line %d\t%s\t%s\t%s\t%s; %s\n", i.Line, i.ItemID, i.Severity, i.Attribute, i.Message, i.Fix)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "%d items, %d without error; %d errors, %d warnings. Only required attributes are checked.\n", r.Items, r.Valid, r.Errors, r.Warnings)
	return err
}

type audiencesCmd struct {
	Hash audiencesHash `cmd:"" help:"Normalise and hash values from standard input. Example: adsteward audiences hash --platform meta --kind email < emails.txt"`
}

type audiencesHash struct {
	Platform       string `required:"" enum:"google,meta" help:"google or meta."`
	Kind           string `required:"" help:"email, phone, first_name, last_name, city, state, zip, country, gender, dob, external_id or madid."`
	DefaultCountry string `help:"Country of phone numbers that name none." placeholder:"CC"`
}

// hashed is one line of the output.
type hashed struct {
	Input      string  `json:"input"`
	Normalized *string `json:"normalized"`
	SHA256     *string `json:"sha256"`
	Outcome    string  `json:"outcome"`
	Reason     string  `json:"reason"`
}

func (c *audiencesHash) Run(e *env) error {
	out := bufio.NewWriter(e.stdout)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	in := bufio.NewReader(e.stdin)
	for {
		line, err := in.ReadString('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if line == "" {
			break
		}
		if line[len(line)-1] == '\n' {
			line = line[:len(line)-1]
		}
		h, herr := audiences.Hash(c.Platform, c.Kind, line, c.DefaultCountry)
		if herr != nil {
			return usage("%v", herr)
		}
		row := hashed{Input: line, Outcome: string(h.Outcome), Reason: h.Reason}
		if h.Outcome != audiences.Drop {
			row.Normalized = &h.Normalized
			if h.SHA256 != "" {
				row.SHA256 = &h.SHA256
			}
		}
		if err := enc.Encode(row); err != nil {
			return err
		}
		if err == io.EOF {
			break
		}
	}
	return out.Flush()
}
