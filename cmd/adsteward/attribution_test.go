package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAttributionJSON(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "journeys.csv")
	text := "path,total_conversions,total_conversion_value,total_null\nPaid > Mail > Paid,2,30.5,1\n > ,9,9,9\nMail,1,0,0\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := adsteward(t, "attribution", file, "--models", "linear,markov", "--order", "1,2", "--json")
	if code != codeDone || !strings.Contains(errs, "line 3") {
		t.Fatal(code, errs)
	}
	type channel struct {
		Channel       string
		Conversions   *float64
		Value         *float64
		RemovalEffect *float64 `json:"removal_effect"`
	}
	got := decode[struct {
		Models []struct {
			Model    string
			Order    *int
			Channels []channel
		}
		Journeys, Conversions, Value, Seconds *float64
	}](t, out)
	if len(got.Models) != 3 || *got.Journeys != 4 || *got.Conversions != 3 || *got.Value != 30.5 || *got.Seconds <= 0 {
		t.Fatal(out)
	}
	for i, m := range got.Models {
		conv, value := 0., 0.
		for _, c := range m.Channels {
			conv += *c.Conversions
			value += *c.Value
			if (c.RemovalEffect == nil) != (m.Order == nil) {
				t.Errorf("%s: %+v", m.Model, c)
			}
		}
		if (m.Order == nil) != (i == 0) || i > 0 && *m.Order != i || math.Abs(conv-3) > 1e-12 || math.Abs(value-30.5) > 1e-12 || len(m.Channels) != 2 {
			t.Errorf("%+v: %v conversions, value %v", m, conv, value)
		}
	}
	if strings.Count(out, `"removal_effect": null`) != 2 || strings.Count(out, `"order": null`) != 1 {
		t.Error(out)
	}
}

func TestAttributionTable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "journeys.csv")
	if err := os.WriteFile(file, []byte("path,total_conversions,total_conversion_value\nPaid|Mail,4,100\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := adsteward(t, "attribution", file, "--separator", "|", "--models", "linear,markov")
	if code != codeDone || errs != "" {
		t.Fatal(code, errs)
	}
	for _, want := range []string{"conversions  linear  markov 1", "Mail    2.00      2.00", "Paid   50.00     50.00", "removal effect  markov 1", "4 journeys, 4 conversions, value 100.00"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestAttributionRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.csv")
	if err := os.WriteFile(bad, []byte("path,total_conversions\na,1\nb,-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		`bad.csv: line 3: column total_conversions: "-1"`: {bad},
		"no such file":             {filepath.Join(dir, "none.csv")},
		"is a directory":           {dir},
		`there is no model "luck"`: {bad, "--models", "linear,luck"},
		"--order is 0":             {bad, "--order", "0"},
		"--order is 99":            {bad, "--order", "1,99"},
		"--separator is empty":     {bad, "--separator", ""},
	} {
		out, errs, code := adsteward(t, append([]string{"attribution", "--json"}, args...)...)
		if code != codeUsage || out != "" || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: code %d, %q, want %q", args, code, errs, want)
		}
	}
}

func TestAttributionOptions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "paths.csv")
	if err := os.WriteFile(file, []byte("path,total_conversions,total_conversion_value,total_null\na > b > direct,90,900,10\nb,10,100,90\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, errs, code := adsteward(t, "attribution", file, "--models", "time_decay,position,last_non_direct,shapley_rate", "--half-life", "0.5", "--position-weights", "0.5,0.1", "--intervals", "--json")
	var rep struct {
		Models []struct {
			Model    string
			Channels []struct {
				Channel         string
				Conversions     float64
				ConversionShare struct{ Share, Low, High float64 } `json:"conversion_share"`
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &rep); err != nil || code != codeDone || errs != "" {
		t.Fatal(code, errs, err)
	}
	want := map[string][]float64{"time_decay": {90. / 21, 10 + 360./21, 90 * 16. / 21}, "position": {45, 36 + 10, 9}, "last_non_direct": {0, 100, 0},
		"shapley_rate": {200 * 0.4 / 3, 200 * (0.1 + 0.4/3), 200 * 0.4 / 3}} // b alone converts 1 of 10, all three 1 of 2
	for _, m := range rep.Models {
		for i, c := range m.Channels {
			if math.Abs(c.Conversions-want[m.Model][i]) > 1e-9 {
				t.Errorf("%s gives %s %v, want %v", m.Model, c.Channel, c.Conversions, want[m.Model][i])
			}
			if s := c.ConversionShare; math.Abs(s.Share-want[m.Model][i]/100) > 1e-9 || s.Low > s.Share || s.High < s.Share {
				t.Errorf("%s gives %s the share %+v", m.Model, c.Channel, s)
			}
		}
	}
	out, _, _ = adsteward(t, "attribution", file, "--models", "linear", "--intervals")
	if !strings.Contains(out, "90 % INTERVAL") {
		t.Error(out)
	}
	for want, args := range map[string][]string{
		"--position-weights has 3 numbers": {"--position-weights", "0.4,0.2,0.4"},
		"--position-weights are both 0":    {"--position-weights", "0,0"},
		"the position weights are 0.8":     {"--position-weights", "0.8,0.4"},
		"the half-life is -1":              {"--half-life=-1"},
	} {
		if _, errs, code := adsteward(t, append([]string{"attribution", file}, args...)...); code != codeUsage || !strings.Contains(errs, want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: code %d, %q, want %q", args, code, errs, want)
		}
	}
}
