package money

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Micros{"12.50": 12_500_000, " 3 ": 3_000_000, "-0.000001": -1, "1e3": 1_000_000_000, "0": 0, "1.0000000": 1_000_000} {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "12,x", "NaN", "Infinity", "0.0000001", "1e30", "1 000", "0x10"} {
		if got, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %d, want an error", in, got)
		}
	}
}

// TestDecimalRoundTrips: what is written is read back as the same amount, also
// through JSON.
func TestDecimalRoundTrips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := Micros(rapid.Int64().Draw(t, "micros"))
		if m == math.MinInt64 {
			return
		}
		if got, err := Parse(m.Decimal()); err != nil || got != m {
			t.Fatalf("%d is written %s and read %d, %v", m, m.Decimal(), got, err)
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back Micros
		if err := json.Unmarshal(b, &back); err != nil || back != m {
			t.Fatalf("%d is %s in JSON and read %d, %v", m, b, back, err)
		}
	})
}

func TestFormatByCurrency(t *testing.T) {
	t.Parallel()
	cases := []struct {
		m        Micros
		currency string
		want     string
	}{
		{1_234_500_000, "EUR", "EUR 1,234.50"}, {1_200_000_000, "JPY", "JPY 1,200"}, {1_500_000, "JPY", "JPY 2"},
		{12_345_600, "KWD", "KWD 12.346"}, {-999_995_000, "USD", "USD -1,000.00"}, {0, "EUR", "EUR 0.00"}, {1_000_000_000_000, "", "1,000,000.00"},
	}
	for _, c := range cases {
		if got := Format(c.m, c.currency); got != c.want {
			t.Errorf("Format(%d, %s) = %q, want %q", c.m, c.currency, got, c.want)
		}
	}
}

func TestRoundTo(t *testing.T) {
	t.Parallel()
	cases := []struct{ m, unit, want Micros }{
		{115_004_999, 10_000, 115_000_000}, {115_005_000, 10_000, 115_010_000}, {-115_005_000, 10_000, -115_010_000},
		{1_499_999, 1_000_000, 1_000_000}, {7, 0, 7}, {7, 1, 7},
	}
	for _, c := range cases {
		if got := c.m.RoundTo(c.unit); got != c.want {
			t.Errorf("%d to a multiple of %d is %d, want %d", c.m, c.unit, got, c.want)
		}
	}
	for currency, want := range map[string]Micros{"EUR": 10_000, "JPY": 1_000_000, "KWD": 1_000} {
		if got := MinorUnit(currency); got != want {
			t.Errorf("the minor unit of %s is %d, want %d", currency, got, want)
		}
	}
}

func TestFromFloatRefusesWhatIsNoAmount(t *testing.T) {
	t.Parallel()
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e13} {
		if m, err := FromFloat(f); err == nil {
			t.Errorf("FromFloat(%v) = %d", f, m)
		}
	}
	if m, err := FromFloat(12.3456789); err != nil || m != 12_345_679 {
		t.Errorf("FromFloat = %d, %v", m, err)
	}
}
