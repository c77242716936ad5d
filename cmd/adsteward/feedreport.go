package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"adsteward/feeds"
)

// feedWriter writes a feed's issues as they come, so that a report may be
// longer than memory, and the sums at the end.
type feedWriter interface {
	issue(*feeds.Issue) error
	end(feeds.Report, time.Duration) error
}

func newFeedWriter(w io.Writer, output, file string) feedWriter {
	out := bufio.NewWriterSize(w, 64<<10)
	switch output {
	case "json":
		return &feedJSON{out: out}
	case "csv":
		return &feedCSV{out: csv.NewWriter(out), buf: out}
	case "sarif":
		return &feedSARIF{out: out, file: file}
	case "junit":
		return &feedJUnit{out: out, file: file, rules: map[string]*junitCase{}}
	}
	return &feedTable{out: out}
}

// feedTable is for people.
type feedTable struct{ out *bufio.Writer }

func (t *feedTable) issue(i *feeds.Issue) error {
	if i.File != "" {
		fmt.Fprintf(t.out, "%s ", i.File)
	}
	_, err := fmt.Fprintf(t.out, "line %-8d %-10s %-8s %-24s %s; %s\n", i.Line, i.Severity, i.Platform, i.ItemID, i.Message, i.Fix)
	return err
}

func (t *feedTable) end(r feeds.Report, _ time.Duration) error {
	rules := slices.SortedFunc(maps.Keys(r.ByRule), func(a, b string) int {
		if r.ByRule[a] != r.ByRule[b] {
			return r.ByRule[b] - r.ByRule[a]
		}
		if a < b {
			return -1
		}
		return 1
	})
	for i, rule := range rules {
		if i == 0 {
			fmt.Fprintln(t.out) // its error comes again at the end
		}
		fmt.Fprintf(t.out, "%10d  %s\n", r.ByRule[rule], rule)
	}
	fmt.Fprintf(t.out, "%d items, %d without error; %d errors, %d warnings.\n", r.Items, r.Valid, r.Errors, r.Warnings)
	if r.Reused > 0 {
		fmt.Fprintf(t.out, "%d items are as they were in the cache, and were not checked again.\n", r.Reused)
	}
	return t.out.Flush()
}

// feedJSON is one object; the issues come first in it, since the sums are known
// last.
type feedJSON struct {
	out  *bufio.Writer
	buf  []byte
	some bool
}

func (j *feedJSON) issue(i *feeds.Issue) error {
	j.buf = append(j.buf[:0], ",\n"...)
	if !j.some {
		j.buf = append(j.buf[:0], "{\"issues\":[\n"...)
		j.some = true
	}
	j.buf = i.AppendJSON(j.buf)
	_, err := j.out.Write(j.buf)
	return err
}

func (j *feedJSON) end(r feeds.Report, took time.Duration) error {
	if !j.some {
		j.out.WriteString(`{"issues":[`)
	}
	sums, err := json.Marshal(struct {
		feeds.Report
		Seconds float64 `json:"seconds"`
	}{r, took.Seconds()})
	if err != nil {
		return err
	}
	fmt.Fprintf(j.out, "],\n%s\n", sums[1:])
	return j.out.Flush()
}

type feedCSV struct {
	out  *csv.Writer
	buf  *bufio.Writer
	some bool
}

func (c *feedCSV) header() error {
	if c.some {
		return nil
	}
	c.some = true
	return c.out.Write([]string{"item_id", "line", "attribute", "rule", "severity", "platform", "value", "message", "fix", "code", "file"})
}

func (c *feedCSV) issue(i *feeds.Issue) error {
	if err := c.header(); err != nil {
		return err
	}
	return c.out.Write([]string{i.ItemID, strconv.Itoa(i.Line), i.Attribute, i.Rule, string(i.Severity), i.Platform, i.Value, i.Message, i.Fix, i.Code, i.File})
}

func (c *feedCSV) end(feeds.Report, time.Duration) error {
	if err := c.header(); err != nil {
		return err
	}
	if c.out.Flush(); c.out.Error() != nil {
		return c.out.Error()
	}
	return c.buf.Flush()
}

// feedSARIF is what code hosts show beside a file (SARIF 2.1.0).
type feedSARIF struct {
	out  *bufio.Writer
	file string
	some bool
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID    string    `json:"id"`
	Short sarifText `json:"shortDescription"`
	Help  sarifText `json:"help"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region struct {
			StartLine int `json:"startLine"`
		} `json:"region"`
	} `json:"physicalLocation"`
}

func (s *feedSARIF) begin() {
	sep := ",\n"
	if !s.some {
		sep = `{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"results":[` + "\n"
		s.some = true
	}
	s.out.WriteString(sep)
}

func (s *feedSARIF) issue(i *feeds.Issue) error {
	s.begin()
	res := sarifResult{RuleID: i.Rule, Level: map[feeds.Severity]string{feeds.Error: "error", feeds.Warning: "warning"}[i.Severity],
		Message: sarifText{fmt.Sprintf("%s: %s; %s", i.ItemID, i.Message, i.Fix)}, Locations: make([]sarifLocation, 1)}
	if res.Level == "" {
		res.Level = "note"
	}
	at := &res.Locations[0].Physical
	at.Artifact.URI, at.Region.StartLine = s.file, max(i.Line, 1)
	if i.File != "" {
		at.Artifact.URI = path.Join(s.file, i.File)
	}
	raw, err := json.Marshal(res)
	if err != nil {
		return err
	}
	_, err = s.out.Write(raw)
	return err
}

func (s *feedSARIF) end(r feeds.Report, _ time.Duration) error {
	if !s.some {
		s.begin()
	}
	rules := []sarifRule{}
	for _, rule := range feeds.Rules() {
		if r.ByRule[rule.ID] > 0 && !slices.ContainsFunc(rules, func(o sarifRule) bool { return o.ID == rule.ID }) {
			rules = append(rules, sarifRule{rule.ID, sarifText{rule.ID}, sarifText{rule.Fix}})
		}
	}
	raw, err := json.Marshal(rules)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\n],\"tool\":{\"driver\":{\"name\":\"adsteward\",\"rules\":%s}}}]}\n", raw)
	return s.out.Flush()
}

// feedJUnit has a test for every rule that was broken, with its first issues;
// rules that are not errors pass.
type feedJUnit struct {
	out   *bufio.Writer
	file  string
	rules map[string]*junitCase
}

type junitSuite struct {
	XMLName  xml.Name     `xml:"testsuite"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Seconds  float64      `xml:"time,attr"`
	Cases    []*junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitFailure `xml:"failure"`
	Out     string        `xml:"system-out,omitempty"`
	listed  int
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// junitIssues is how many issues of a rule are listed.
const junitIssues = 50

func (j *feedJUnit) issue(i *feeds.Issue) error {
	c := j.rules[i.Rule]
	if c == nil {
		c = &junitCase{Class: "feed", Name: i.Rule}
		j.rules[i.Rule] = c
	}
	if i.Severity == feeds.Error && c.Failure == nil {
		c.Failure = &junitFailure{Text: c.Out}
		c.Out = ""
	}
	if c.listed++; c.listed > junitIssues {
		return nil
	}
	line := strings.TrimSpace(fmt.Sprintf("%s line %d: %s: %s; %s", i.File, i.Line, i.ItemID, i.Message, i.Fix)) + "\n"
	if c.Failure != nil {
		c.Failure.Text += line
	} else {
		c.Out += line
	}
	return nil
}

func (j *feedJUnit) end(r feeds.Report, took time.Duration) error {
	suite := junitSuite{Name: j.file, Seconds: took.Seconds()}
	for _, name := range slices.Sorted(maps.Keys(j.rules)) {
		c := j.rules[name]
		if c.Failure != nil {
			suite.Failures++
			c.Failure.Message = fmt.Sprintf("%d times", r.ByRule[name])
		}
		suite.Cases = append(suite.Cases, c)
	}
	suite.Cases = append(suite.Cases, &junitCase{Class: "feed", Name: fmt.Sprintf("read %d items", r.Items)})
	suite.Tests = len(suite.Cases)
	j.out.WriteString(xml.Header)
	enc := xml.NewEncoder(j.out)
	enc.Indent("", " ")
	if err := enc.Encode(suite); err != nil {
		return err
	}
	j.out.WriteString("\n")
	return j.out.Flush()
}
