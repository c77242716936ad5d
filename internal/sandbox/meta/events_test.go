package meta_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"adsteward/internal/sandbox/conversions"
	"adsteward/internal/sandbox/meta"
)

const dataSet = "/v26.0/310/events"

func withDataSet(l *conversions.Ledger) func(*meta.Options) {
	return func(o *meta.Options) { o.DataSetID, o.Conversions = "310", l }
}

// noonUnix is noon of the market's first day, 2026-03-01, in UTC.
const noonUnix = 1772366400

// purchase is a good event with a few words replaced.
func purchase(replace ...string) string {
	text := fmt.Sprintf(`{"event_name":"Purchase","event_time":%d,"event_id":"o1","action_source":"website","user_data":{"em":["%s"]},"custom_data":{"value":12.5,"currency":"EUR","order_id":"o1"}}`, noonUnix, hash)
	return strings.NewReplacer(replace...).Replace(text)
}

func TestRulesOfEvents(t *testing.T) {
	t.Parallel()
	who := `{"em":["` + hash + `"]}`
	stamp := fmt.Sprint(noonUnix)
	at := func(hours int) string { return fmt.Sprint(noonUnix + hours*3600) }
	for name, tc := range map[string]struct{ data, code, names string }{
		"good":                   {purchase(), "", ""},
		"a value of 0":           {purchase("12.5", "0"), "", ""},
		"a hash that is no list": {purchase(`["`+hash+`"]`, `"`+hash+`"`), "", ""},
		"another event":          {purchase(`"Purchase"`, `"Lead"`, `"value":12.5,`, ""), "", ""},
		"only a click":           {purchase(who, `{"fbc":"fb.1.1772366400000.aB"}`), "", ""},
		"address and browser":    {purchase(who, `{"client_ip_address":"192.0.2.1","client_user_agent":"x"}`), "", ""},
		"a week ago":             {purchase(stamp, at(-7*24-11)), "", ""},
		"older":                  {purchase(stamp, at(-8*24)), "100/2804003", ""},
		"tomorrow":               {purchase(stamp, at(12)), "100/2804019", "['event_time']"},
		"milliseconds":           {purchase(stamp, stamp+"000"), "100/2804019", "['event_time']"},
		"no name":                {purchase(`"event_name":"Purchase",`, ""), "100/2804019", "['event_name']"},
		"no time":                {purchase(`"event_time":`+stamp+",", ""), "100/2804019", "['event_time']"},
		"no person":              {purchase(`"user_data":`+who+",", ""), "100/2804019", "['user_data']"},
		"nobody":                 {purchase(who, `{"country":["`+hash+`"]}`), "100/2804050", ""},
		"no source":              {purchase(`"action_source":"website",`, ""), "100/2804019", "['action_source']"},
		"a source of one's own":  {purchase(`"website"`, `"shop"`), "100/2804019", "['action_source']"},
		"an address as it is":    {purchase(hash, "ada@example.com"), "100/2804019", "['user_data']['em']"},
		"a country as it is":     {purchase(who, `{"em":"`+hash+`","country":"de"}`), "100/2804019", "['user_data']['country']"},
		"a number for a hash":    {purchase(who, `{"ph":49301}`), "100/2804019", "['user_data']['ph']"},
		"no value":               {purchase(`"value":12.5,`, ""), "100/2804019", "['custom_data']['value']"},
		"negative":               {purchase("12.5", "-12.5"), "100/2804019", "['custom_data']['value']"},
		"no currency":            {purchase(`"currency":"EUR",`, ""), "100/2804010", ""},
		"no object":              {`"Purchase"`, "100", "data[0]"},
		"the second":             {purchase() + "," + purchase(`"event_name":"Purchase",`, ""), "100/2804019", "$['data'][1]"},
		"1,000":                  {strings.Repeat(purchase()+",", 999) + purchase(), "", ""},
		"1,001":                  {strings.Repeat(purchase()+",", 1000) + purchase(), "100", "1001"},
		"none":                   {"", "100", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := conversions.New()
			a := setup(t, withDataSet(ledger))
			_, body := a.ask(t, "POST", dataSet, v("data", "["+tc.data+"]"))
			if got := code(body); got != tc.code || !strings.Contains(fmt.Sprint(body["error"]), tc.names) {
				t.Errorf("%s, want %s naming %s: %v", got, tc.code, tc.names, body)
			}
			if n := len(ledger.All()); (n == 0) != (tc.code != "") {
				t.Errorf("%d events are recorded", n)
			}
		})
	}
}

func TestAnswerToEvents(t *testing.T) {
	t.Parallel()
	ledger := conversions.New()
	a := setup(t, withDataSet(ledger))
	body := `{"access_token":"TOKEN","test_event_code":"T1","data":[` + purchase() + "," + purchase(`"em":["`+hash+`"]`, `"em":["`+hash+`"],"fbc":"IwAR"`) + `]}`
	req, err := http.NewRequestWithContext(t.Context(), "POST", a.URL+dataSet, strings.NewReader(body)) // as JSON
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	_, got, header := a.send(t, req)
	if got["events_received"] != 2.0 || got["fbtrace_id"] != header.Get("X-Fb-Trace-Id") || got["fbtrace_id"] == "" {
		t.Errorf("%v, header %v", got, header)
	}
	if notes := fmt.Sprint(got["messages"]); !strings.Contains(notes, "$['data'][1]['user_data']['fbc']") {
		t.Errorf("messages %s", notes)
	}
	all := ledger.All()
	if len(all) != 1 || all[0].Told != 2 || all[0].Destination != "310/Purchase" || all[0].Value != 12_500_000 || all[0].Click != "" {
		t.Errorf("recorded %+v", all)
	}
	for path, method := range map[string]string{"/v26.0/311/events": "POST", dataSet: "GET", "/v26.0/310": "POST"} {
		if _, got := a.ask(t, method, path, v("data", "["+purchase()+"]")); code(got) != "100/33" {
			t.Errorf("%s %s: %v", method, path, got)
		}
	}
	if _, got := a.ask(t, "GET", "/v26.0/310", v("fields", "id,name")); got["id"] != "310" || got["name"] == "" {
		t.Errorf("the data set itself: %v", got)
	}
	params := v("data", "["+purchase()+"]")
	params.Set("access_token", "another")
	if _, got := a.ask(t, "POST", dataSet, params); code(got) != "190" {
		t.Errorf("another token: %v", got)
	}
	if _, got := a.ask(t, "POST", dataSet, nil); code(got) != "100" {
		t.Errorf("no data: %v", got)
	}
}
