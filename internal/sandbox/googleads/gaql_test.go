package googleads

import (
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	adserrors "github.com/shenzhencenter/google-ads-pb/errors"

	"adsteward/internal/civil"
)

func TestParseQuery(t *testing.T) {
	t.Parallel()
	got, err := parseQuery(`select campaign.id, metrics.clicks FROM campaign
		WHERE campaign.name NOT LIKE "a\"b%" and metrics.clicks >= -1.5 AND campaign.status IN (ENABLED, PAUSED)
		AND segments.date BETWEEN '2026-01-01' AND '2026-01-31' AND campaign.end_date_time IS NOT NULL
		ORDER BY metrics.clicks DESC, campaign.id LIMIT 5 PARAMETERS omit_unselected_resource_names = TRUE`)
	if err != nil {
		t.Fatal(err)
	}
	want := &statement{
		fields: []string{"campaign.id", "metrics.clicks"},
		from:   "campaign",
		where: []condition{
			{"campaign.name", opNotLike, []literal{{`a"b%`, quoted}}},
			{"metrics.clicks", opGE, []literal{{"-1.5", number}}},
			{"campaign.status", opIn, []literal{{"ENABLED", word}, {"PAUSED", word}}},
			{"segments.date", opBetween, []literal{{"2026-01-01", quoted}, {"2026-01-31", quoted}}},
			{"campaign.end_date_time", opNotNull, nil},
		},
		order:  []ordering{{"metrics.clicks", true}, {"campaign.id", false}},
		limit:  5,
		params: map[string]string{"omit_unselected_resource_names": "true"},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(statement{}, condition{}, ordering{}, literal{})); d != "" {
		t.Error(d)
	}
}

func TestParseQueryRefuses(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]adserrors.QueryErrorEnum_QueryError{
		"":                                       adserrors.QueryErrorEnum_EXPECTED_SELECT,
		"campaign.id FROM campaign":              adserrors.QueryErrorEnum_EXPECTED_SELECT,
		"SELECT":                                 adserrors.QueryErrorEnum_UNEXPECTED_END_OF_QUERY,
		"SELECT FROM campaign":                   adserrors.QueryErrorEnum_BAD_FIELD_NAME,
		"SELECT campaign.id":                     adserrors.QueryErrorEnum_EXPECTED_FROM,
		"SELECT campaign.id, FROM campaign":      adserrors.QueryErrorEnum_BAD_FIELD_NAME,
		"SELECT campaign.id FROM campaign WHERE": adserrors.QueryErrorEnum_UNEXPECTED_END_OF_QUERY,
		"SELECT campaign.id FROM campaign WHERE campaign.id":                        adserrors.QueryErrorEnum_UNEXPECTED_END_OF_QUERY,
		"SELECT campaign.id FROM campaign WHERE campaign.id IS 1":                   adserrors.QueryErrorEnum_BAD_OPERATOR,
		"SELECT campaign.id FROM campaign WHERE campaign.id = (1)":                  adserrors.QueryErrorEnum_EXPECTED_SINGLE_VALUE,
		"SELECT campaign.id FROM campaign WHERE campaign.id IN 1":                   adserrors.QueryErrorEnum_EXPECTED_LIST,
		"SELECT campaign.id FROM campaign WHERE campaign.id IN ()":                  adserrors.QueryErrorEnum_PROHIBITED_EMPTY_LIST_IN_CONDITION,
		"SELECT campaign.id FROM campaign WHERE campaign.id IN (1, 'a')":            adserrors.QueryErrorEnum_PROHIBITED_VALUE_COMBINATION_IN_LIST,
		"SELECT campaign.id FROM campaign WHERE campaign.id IN (1":                  adserrors.QueryErrorEnum_UNEXPECTED_END_OF_QUERY,
		"SELECT campaign.id FROM campaign WHERE campaign.id = 1 OR campaign.id = 2": adserrors.QueryErrorEnum_EXPECTED_AND,
		"SELECT campaign.id FROM campaign WHERE segments.date BETWEEN '2026-01-01'": adserrors.QueryErrorEnum_EXPECTED_VALUE_WITH_BETWEEN_OPERATOR,
		"SELECT campaign.id FROM campaign ORDER campaign.id":                        adserrors.QueryErrorEnum_EXPECTED_BY,
		"SELECT campaign.id FROM campaign LIMIT 0":                                  adserrors.QueryErrorEnum_LIMIT_VALUE_TOO_LOW,
		"SELECT campaign.id FROM campaign LIMIT ten":                                adserrors.QueryErrorEnum_BAD_LIMIT_VALUE,
		"SELECT campaign.id FROM campaign LIMIT 1.5":                                adserrors.QueryErrorEnum_BAD_LIMIT_VALUE,
		"SELECT campaign.id FROM campaign PARAMETERS page = true":                   adserrors.QueryErrorEnum_BAD_PARAMETER_NAME,
		"SELECT campaign.id FROM campaign PARAMETERS include_drafts = 3":            adserrors.QueryErrorEnum_BAD_PARAMETER_VALUE,
		"SELECT campaign.id FROM campaign; DROP":                                    adserrors.QueryErrorEnum_BAD_SYMBOL,
		"SELECT campaign.id FROM campaign campaign":                                 adserrors.QueryErrorEnum_UNEXPECTED_INPUT,
		"SELECT campaign.id FROM campaign WHERE campaign.name = 'x":                 adserrors.QueryErrorEnum_STRING_NOT_TERMINATED,
		"SELECT campaign.id FROM campaign WHERE campaign.name = 'x\n'":              adserrors.QueryErrorEnum_PROHIBITED_NEWLINE_IN_STRING,
		`SELECT campaign.id FROM campaign WHERE campaign.name = '\x'`:               adserrors.QueryErrorEnum_BAD_ESCAPE_SEQUENCE,
		"SELECT campaign.id FROM campaign WHERE campaign.id = -x":                   adserrors.QueryErrorEnum_BAD_NUMBER,
	} {
		_, err := parseQuery(query)
		f, ok := errors.AsType[failure](err)
		if !ok {
			t.Errorf("%q: error is %v; want a failure", query, err)
			continue
		}
		if got := f[0].GetErrorCode().GetQueryError(); got != want {
			t.Errorf("%q: %v (%s); want %v", query, got, f[0].GetMessage(), want)
		}
	}
}

// Whatever the query, parsing and resolving it answer or refuse, and every
// message can be sent.
func FuzzParseQuery(f *testing.F) {
	for _, q := range []string{
		"SELECT campaign.id FROM campaign",
		"SELECT campaign.id, segments.week, metrics.clicks FROM campaign WHERE segments.week = '2026-01-05' AND campaign.name LIKE '[%]_%' ORDER BY metrics.clicks DESC LIMIT 3",
		"SELECT metrics.clicks FROM customer WHERE segments.year IN (2025, 99999999999999999999) PARAMETERS include_drafts=true",
		"SELECT change_event.new_resource FROM change_event WHERE change_event.change_date_time DURING LAST_14_DAYS LIMIT 1",
		"SELECT campaign.labels FROM campaign WHERE campaign.labels CONTAINS ANY ('a') AND campaign.name REGEXP_MATCH '('",
		"SELECT campaign.maximize_conversion_value.target_roas FROM campaign WHERE campaign.id NOT IN (\"1\", 'é') AND segments.date >= '0000-01-01'",
	} {
		f.Add(q)
	}
	today := civil.MustParse("2026-03-18")
	f.Fuzz(func(t *testing.T, q string) {
		st, err := parseQuery(q)
		if err == nil {
			_, err = compileQuery(st, today)
		}
		if fail, ok := errors.AsType[failure](err); err != nil && (!ok || len(fail) == 0) {
			t.Fatalf("%q: %v is not a failure of the API", q, err)
		}
		if err != nil && utf8.ValidString(q) && !utf8.ValidString(err.Error()) {
			t.Fatalf("%q: the message %q cannot be sent", q, err)
		}
	})
}

func TestLikePattern(t *testing.T) {
	t.Parallel()
	f, err := resolveField("campaign.name")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		op      operator
		pattern string
		value   string
		want    bool
	}{
		{opLike, "%shoe%", "Blue SHOES", true},
		{opLike, "shoe", "shoes", false},
		{opLike, "sh_e", "shoe", true},
		{opLike, "sh[_]e", "shoe", false},
		{opLike, "[[]Earth[_]to[_]Mars[]]%", "[Earth_to_Mars] 2", true},
		{opLike, "a.c", "abc", false},
		{opNotLike, "%shoe%", "hats", true},
		{opRegexp, "sh.e", "shoe", true},
		{opRegexp, "sh.e", "shoes", false},
		{opRegexp, "SHOE", "shoe", false},
		{opNotRegexp, "(?i)SHOE", "shoe", false},
	} {
		p, err := compileCondition(f, condition{"campaign.name", tc.op, []literal{{tc.pattern, quoted}}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.match(cell{str: tc.value}); got != tc.want {
			t.Errorf("%q %s %q = %v", tc.value, tc.op, tc.pattern, got)
		}
	}
}

func TestDuring(t *testing.T) {
	t.Parallel()
	today := civil.MustParse("2026-03-18") // a Wednesday
	for name, want := range map[string]string{
		"TODAY":               "2026-03-18 2026-03-18",
		"YESTERDAY":           "2026-03-17 2026-03-17",
		"LAST_7_DAYS":         "2026-03-11 2026-03-17",
		"LAST_14_DAYS":        "2026-03-04 2026-03-17",
		"LAST_30_DAYS":        "2026-02-16 2026-03-17",
		"THIS_MONTH":          "2026-03-01 2026-03-18",
		"LAST_MONTH":          "2026-02-01 2026-02-28",
		"THIS_WEEK_MON_TODAY": "2026-03-16 2026-03-18",
		"THIS_WEEK_SUN_TODAY": "2026-03-15 2026-03-18",
		"LAST_WEEK_MON_SUN":   "2026-03-09 2026-03-15",
		"LAST_WEEK_SUN_SAT":   "2026-03-08 2026-03-14",
		"LAST_BUSINESS_WEEK":  "2026-03-09 2026-03-13",
	} {
		lo, hi, ok := during(name, today)
		if got := lo.String() + " " + hi.String(); !ok || got != want {
			t.Errorf("%s = %s; want %s", name, got, want)
		}
	}
	if _, _, ok := during("LAST_90_DAYS", today); ok {
		t.Error("LAST_90_DAYS is not a period of the language")
	}
}
