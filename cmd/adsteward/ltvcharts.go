package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"adsteward/bidding/ltv"
	"adsteward/internal/ltvchart"
)

// charts adds the diagnostics to the answer and writes each into the directory as
// an SVG file, with its table as CSV beside it.
func (c *ltvCmd) charts(orders *ltv.OrderLog, q ltv.Question, a *ltv.Answer) (err error) {
	if c.Charts == "" {
		return nil
	}
	if a.Diagnostics, err = ltv.Diagnose(orders, q, a); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Charts, 0o755); err != nil {
		return usage("cannot write charts: %v", err)
	}
	for _, f := range ltvchart.Figures(a.Diagnostics) {
		path := filepath.Join(c.Charts, f.ID)
		if err := writeWhole(path+".svg", f.WriteSVG); err != nil {
			return err
		}
		if err := writeWhole(path+".csv", f.WriteCSV); err != nil {
			return err
		}
	}
	return nil
}

// printDiagnostics says what the charts say.
func (c *ltvCmd) printDiagnostics(out io.Writer, a *ltv.Answer) error {
	if a.Diagnostics == nil {
		return nil
	}
	fmt.Fprintf(out, "Charts and their tables in %s:\n", c.Charts)
	if note := a.Diagnostics.Note; note != "" {
		fmt.Fprintf(out, "  %s\n", note)
	}
	if a.Diagnostics.Refitted {
		fmt.Fprintf(out, "  The last third of the file, from %s, is the holdout of tracking and deciles: for these the model is fitted to the days before.\n", a.Diagnostics.Cut.AddDays(1))
	}
	for _, f := range ltvchart.Figures(a.Diagnostics) {
		says := f.Caption + f.Empty
		if f.Off {
			says = "warning: " + says
		}
		if says == "" {
			says = f.Title + "."
		}
		if _, err := fmt.Fprintf(out, "  %s.svg: %s\n", f.ID, says); err != nil {
			return err
		}
	}
	return nil
}
