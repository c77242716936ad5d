package datamanager_test

import (
	"fmt"
	"strings"
	"testing"

	"adsteward/internal/sandbox/conversions"
	"adsteward/internal/sandbox/datamanager"
)

const ingestEvents = "/v1/events:ingest"

// withAction gives the account the conversion action 9 and a ledger to look at.
func withAction(l *conversions.Ledger) func(*datamanager.Options) {
	return func(o *datamanager.Options) { o.ConversionActionID, o.Conversions = 9, l }
}

func tell(events string, more ...string) string {
	return `{"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1234567890"},"productDestinationId":"9"}],
		"events":[` + events + `],"encoding":"HEX"` + strings.Join(more, "") + `}`
}

// order is a good event with some of its fields replaced or added; a field
// replaced by "" is left out.
func order(replace ...string) string {
	fields := [][2]string{{"transactionId", `"o1"`}, {"eventTimestamp", `"2026-03-01T01:00:00+01:00"`}, {"conversionValue", "12.5"},
		{"currency", `"EUR"`}, {"adIdentifiers", `{"gclid":"g"}`}}
	var parts []string
	for i := 0; i < len(replace); i += 2 {
		fields = append(fields, [2]string{replace[i], replace[i+1]})
	}
	for i, f := range fields {
		later := false
		for _, g := range fields[i+1:] {
			later = later || g[0] == f[0]
		}
		if !later && f[1] != "" {
			parts = append(parts, `"`+f[0]+`":`+f[1])
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func TestRulesOfEvents(t *testing.T) {
	t.Parallel()
	h := email(1)
	user := func(ids string) string { return `{"userIdentifiers":[` + ids + `]}` }
	destination := func(text string) string { return `{"destinations":[` + text + `],"events":[` + order() + `]}` }
	for name, tc := range map[string]struct{ body, want string }{
		"good":                  {tell(order()), ""},
		"a value of 0":          {tell(order("conversionValue", "0")), ""},
		"no value":              {tell(order("conversionValue", "", "currency", "")), ""},
		"user data alone":       {tell(order("adIdentifiers", "", "userData", user(`{"emailAddress":"`+h+`"}`))), ""},
		"enums as numbers":      {tell(order("eventSource", "1", "userProperties", `{"customerType":1}`, "consent", `{"adUserData":1}`), `,"validateOnly":false`), ""},
		"names in snake case":   {strings.ReplaceAll(tell(order()), "transactionId", "transaction_id"), ""},
		"no order number":       {tell(order("transactionId", "")), "REQUIRED_FIELD_MISSING events.events[0].transaction_id"},
		"no time":               {tell(order("eventTimestamp", "")), "REQUIRED_FIELD_MISSING events.events[0].event_timestamp"},
		"no RFC 3339":           {tell(order("eventTimestamp", `"2026-03-01 01:00"`)), "INVALID_FORMAT events.events[0].event_timestamp"},
		"tomorrow":              {tell(order("eventTimestamp", `"2026-03-02T00:00:00+01:00"`)), "EVENT_TIME_INVALID events.events[0].event_timestamp"},
		"value, no currency":    {tell(order("currency", "")), "REQUIRED_FIELD_MISSING events.events[0].currency"},
		"no such currency":      {tell(order("currency", `"euro"`)), "INVALID_CURRENCY_CODE events.events[0].currency"},
		"negative":              {tell(order("conversionValue", "-1")), "INVALID_NUMBER_FORMAT events.events[0].conversion_value"},
		"nobody":                {tell(order("adIdentifiers", "")), "REQUIRED_FIELD_MISSING events.events[0].ad_identifiers"},
		"an address as it is":   {tell(order("userData", user(`{"emailAddress":"ada@example.com"}`))), "INVALID_HEX_ENCODING events.events[0].user_data.user_identifiers"},
		"a short hash":          {tell(order("userData", user(`{"emailAddress":"ab"}`))), "INVALID_SHA256_FORMAT events.events[0].user_data.user_identifiers"},
		"hashes, no encoding":   {strings.Replace(tell(order("userData", user(`{"emailAddress":"`+h+`"}`))), `"encoding":"HEX"`, `"validateOnly":true`, 1), "REQUIRED_FIELD_MISSING events.events[0].user_data"},
		"the second":            {tell(order() + "," + order("currency", `"x"`)), "INVALID_CURRENCY_CODE events.events[1].currency"},
		"none":                  {tell(""), "REQUIRED_FIELD_MISSING events"},
		"2,000":                 {tell(strings.Repeat(order()+",", 1999) + order()), ""},
		"2,001":                 {tell(strings.Repeat(order()+",", 2000) + order()), "TOO_MANY_EVENTS events"},
		"an unknown source":     {tell(order("eventSource", `"TV"`)), "INVALID_ENUM_VALUE event_source"},
		"an unknown number":     {tell(order("eventSource", "9")), "INVALID_ENUM_VALUE event_source"},
		"an unknown field":      {tell(order("adjustmentType", `"RETRACTION"`)), "INVALID_FORMAT "},
		"no JSON":               {"events", "INVALID_FORMAT "},
		"another action":        {strings.Replace(tell(order()), `"productDestinationId":"9"`, `"productDestinationId":"8"`, 1), "INVALID_CONVERSION_ACTION_ID destinations[0].product_destination_id"},
		"an action by its name": {strings.Replace(tell(order()), `"productDestinationId":"9"`, `"productDestinationId":"Purchase"`, 1), "INVALID_CONVERSION_ACTION_ID destinations[0].product_destination_id"},
		"another account":       {destination(`{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1"},"productDestinationId":"9"}`), "PERMISSION_DENIED"},
		"nowhere":               {destination(""), "REQUIRED_FIELD_MISSING destinations"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := conversions.New()
			a := setup(t, withAction(ledger))
			_, body := a.ask(t, "POST", ingestEvents, tc.body)
			if got := reasonAndField(body); got != tc.want {
				t.Errorf("%q, want %q: %v", got, tc.want, body)
			}
			if n := len(ledger.All()); (n == 0) != (tc.want != "") {
				t.Errorf("%d orders are recorded", n)
			}
		})
	}
}

// reasonAndField is reason with the field it is about, where one is named.
func reasonAndField(body map[string]any) string {
	out := reason(body)
	if out == "" {
		return ""
	}
	for _, d := range body["error"].(map[string]any)["details"].([]any) {
		if v, ok := d.(map[string]any)["fieldViolations"].([]any); ok {
			return out + " " + v[0].(map[string]any)["field"].(string)
		}
	}
	return out
}

func TestStatusOfEvents(t *testing.T) {
	t.Parallel()
	ledger := conversions.New()
	a := setup(t, withAction(ledger))
	const ints = "%24alt=json%3Benum-encoding%3Dint"
	denied := order("transactionId", `"o2"`, "consent", `{"adUserData":2}`)
	old := order("transactionId", `"o3"`, "eventTimestamp", `"2025-11-30T23:59:59+01:00"`)
	oldest := order("transactionId", `"o4"`, "eventTimestamp", `"2025-12-01T00:00:00+01:00"`)
	noAds := order("transactionId", `"o5"`, "consent", `{"adPersonalization":"CONSENT_DENIED"}`)
	_, body := a.ask(t, "POST", ingestEvents+"?"+ints, tell(strings.Join([]string{order(), denied, old, oldest, noAds}, ",")))
	id, _ := body["requestId"].(string)
	a.ask(t, "GET", "/v1/requestStatus:retrieve?requestId="+id, "") // under way
	_, body = a.ask(t, "GET", "/v1/requestStatus:retrieve?requestId="+id+"&"+ints, "")
	st := body["requestStatusPerDestination"].([]any)[0].(map[string]any)
	counts := fmt.Sprint(st["requestStatus"], st["eventsIngestionStatus"], st["errorInfo"])
	const want = "4 map[recordCount:5] map[errorCounts:[map[reason:4 recordCount:1] map[reason:3 recordCount:1]]]"
	if counts != want {
		t.Errorf("%s\nwant %s", counts, want)
	}
	if n := len(ledger.All()); n != 3 {
		t.Errorf("%d orders are recorded, want 3", n)
	}
	_, body = a.ask(t, "POST", ingestEvents, tell(denied))
	if st := a.status(t, body["requestId"].(string)); st["requestStatus"] != "FAILED" {
		t.Errorf("all denied: %v", st)
	}
	_, body = a.ask(t, "POST", ingestEvents, tell(order("transactionId", `"o6"`), `,"validateOnly":true`))
	if body["requestId"] != nil || len(ledger.All()) != 3 {
		t.Errorf("only checked: %v", body)
	}
}

func TestAnEventWithoutAValueLeavesTheOldOne(t *testing.T) {
	t.Parallel()
	ledger := conversions.New()
	a := setup(t, withAction(ledger))
	user := `{"userIdentifiers":[{"emailAddress":"` + email(1) + `"}]}`
	a.ask(t, "POST", ingestEvents, tell(order()))
	a.ask(t, "POST", ingestEvents, tell(order("conversionValue", "", "currency", "", "userData", user)))
	got := ledger.ByOrder()["o1"]
	if len(got) != 1 || got[0].Value != 12_500_000 || got[0].Told != 2 || len(got[0].Identifiers) != 1 || got[0].Destination != "9" {
		t.Errorf("%+v", got)
	}
	a.ask(t, "POST", ingestEvents, tell(order("conversionValue", "0")))
	if got := ledger.ByOrder()["o1"]; got[0].Value != 0 {
		t.Errorf("retracted: %+v", got)
	}
}
