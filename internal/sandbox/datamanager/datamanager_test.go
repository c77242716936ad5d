package datamanager_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox/datamanager"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type api struct {
	*httptest.Server
	market *market.Market
	faults *faults.Table
	lists  *lists.Lists
	now    time.Time
	list   int64 // a Customer Match list
	look   int64 // a lookalike list
}

func setup(t *testing.T, adjust ...func(*datamanager.Options)) *api {
	t.Helper()
	sc, err := market.ReadScenario(strings.NewReader(`{"start":"2026-03-01","campaigns":[{"id":"g1","platform":"google"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := market.New(sc)
	if err != nil {
		t.Fatal(err)
	}
	a := &api{market: m, faults: faults.NewTable(), lists: lists.New(500), now: time.Date(2026, 3, 1, 2, 0, 30, 0, time.UTC)}
	crm, err := a.lists.Create(lists.List{Name: "Carts", Kind: lists.CRM, MembershipDays: 30})
	if err != nil {
		t.Fatal(err)
	}
	look, err := a.lists.Create(lists.List{Name: "Like carts", Kind: lists.Lookalike, Seed: crm.ID})
	if err != nil {
		t.Fatal(err)
	}
	a.list, a.look = crm.ID, look.ID
	o := datamanager.Options{Market: m, Faults: a.faults, Lists: a.lists, CustomerID: 1234567890,
		AccessTokens: func(s string) bool { return s == "TOKEN" }, Now: func() time.Time { return a.now }}
	for _, f := range adjust {
		f(&o)
	}
	a.Server = httptest.NewServer(datamanager.New(o))
	t.Cleanup(a.Close)
	return a
}

func (a *api) ask(t *testing.T, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer TOKEN")
	return a.send(t, req)
}

func (a *api) send(t *testing.T, req *http.Request) (int, map[string]any) {
	t.Helper()
	resp, err := a.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return resp.StatusCode, out
}

// reason returns the most telling reason of an answer, "" for none.
func reason(body map[string]any) string {
	e, ok := body["error"].(map[string]any)
	if !ok {
		return ""
	}
	out := e["status"].(string)
	for _, d := range e["details"].([]any) {
		if v, ok := d.(map[string]any)["fieldViolations"].([]any); ok {
			return v[0].(map[string]any)["reason"].(string)
		}
	}
	return out
}

// upload writes an ingest or removal to the list of the given members.
func (a *api) upload(members string, more ...string) string {
	return fmt.Sprintf(`{"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1234567890"},"productDestinationId":"%d"}],
		"audienceMembers":[%s],"encoding":"HEX"%s}`, a.list, members, strings.Join(more, ""))
}

func email(i int) string { return fmt.Sprintf("%064x", i) }

func member(i int) string {
	return `{"userData":{"userIdentifiers":[{"emailAddress":"` + email(i) + `"}]}}`
}

func crowd(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = member(i)
	}
	return strings.Join(all, ",")
}

const ingest, remove, removeAll = "/v1/audienceMembers:ingest", "/v1/audienceMembers:remove", "/v1/audienceMembers:removeAll"

func identifiers(list string) string { return `{"userData":{"userIdentifiers":[` + list + `]}}` }

func TestRules(t *testing.T) {
	t.Parallel()
	a := setup(t)
	h := email(1)
	ten := strings.Repeat(`{"emailAddress":"`+h+`"},`, 9) + `{"emailAddress":"` + h + `"}`
	destination := func(text string) string {
		return `{"destinations":[` + text + `],"audienceMembers":[` + member(1) + `],"encoding":"HEX"}`
	}
	dest := fmt.Sprintf(`{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1234567890"},"productDestinationId":"%d"}`, a.list)
	for _, tc := range []struct{ name, path, body, want string }{
		{"a member", ingest, a.upload(member(1)), ""},
		{"10,000 members", ingest, a.upload(crowd(10_000)), ""},
		{"10,001 members", ingest, a.upload(crowd(10_001)), "TOO_MANY_AUDIENCE_MEMBERS"},
		{"no members", ingest, a.upload(""), "REQUIRED_FIELD_MISSING"},
		{"ten identifiers", ingest, a.upload(identifiers(ten)), ""},
		{"eleven", ingest, a.upload(identifiers(ten + `,{"phoneNumber":"` + h + `"}`)), "TOO_MANY_USER_IDENTIFIERS"},
		{"no identifier", ingest, a.upload(identifiers("")), "REQUIRED_FIELD_MISSING"},
		{"an empty identifier", ingest, a.upload(identifiers("{}")), "REQUIRED_FIELD_MISSING"},
		{"two in one", ingest, a.upload(identifiers(`{"emailAddress":"` + h + `","phoneNumber":"` + h + `"}`)), "REQUIRED_FIELD_MISSING"},
		{"an address", ingest, a.upload(identifiers(`{"address":{"givenName":"` + h + `","familyName":"` + h + `","regionCode":"DE","postalCode":"10115"}}`)), ""},
		{"an address without a name", ingest, a.upload(identifiers(`{"address":{"familyName":"` + h + `","regionCode":"DE","postalCode":"10115"}}`)), "REQUIRED_FIELD_MISSING"},
		{"an address in no country", ingest, a.upload(identifiers(`{"address":{"givenName":"` + h + `","familyName":"` + h + `","regionCode":"Germany","postalCode":"10115"}}`)), "INVALID_COUNTRY_CODE"},
		{"an address with a plain name", ingest, a.upload(identifiers(`{"address":{"givenName":"Ada","familyName":"` + h + `","regionCode":"DE","postalCode":"10115"}}`)), "INVALID_HEX_ENCODING"},
		{"no hexadecimals", ingest, a.upload(identifiers(`{"emailAddress":"ada@example.com"}`)), "INVALID_HEX_ENCODING"},
		{"too short a hash", ingest, a.upload(identifiers(`{"phoneNumber":"abcd"}`)), "INVALID_SHA256_FORMAT"},
		{"upper case", ingest, a.upload(identifiers(`{"emailAddress":"` + strings.ToUpper(h) + `"}`)), ""},
		{"base 64", ingest, strings.Replace(a.upload(identifiers(`{"emailAddress":"`+strings.Repeat("A", 43)+`="}`)), "HEX", "BASE64", 1), ""},
		{"no base 64", ingest, strings.Replace(a.upload(identifiers(`{"emailAddress":"!"}`)), "HEX", "BASE64", 1), "INVALID_BASE64_ENCODING"},
		{"no encoding", ingest, strings.Replace(a.upload(member(1)), `,"encoding":"HEX"`, "", 1), "REQUIRED_FIELD_MISSING"},
		{"encoding as a number", ingest, strings.Replace(a.upload(member(1)), `"HEX"`, "1", 1), ""},
		{"an encoding that is none", ingest, strings.Replace(a.upload(member(1)), "HEX", "OCTAL", 1), "INVALID_ENUM_VALUE"},
		{"a number that is none", ingest, strings.Replace(a.upload(member(1)), `"HEX"`, "7", 1), "INVALID_ENUM_VALUE"},
		{"snake case", ingest, strings.NewReplacer("audienceMembers", "audience_members", "userData", "user_data", "userIdentifiers", "user_identifiers",
			"emailAddress", "email_address", "operatingAccount", "operating_account", "accountType", "account_type", "accountId", "account_id",
			"productDestinationId", "product_destination_id", `"GOOGLE_ADS"`, "1").Replace(a.upload(member(1))), ""},
		{"composite data", ingest, a.upload(`{"compositeData":` + member(1) + `}`), ""},
		{"a field nobody knows", ingest, a.upload(member(1), `,"colour":1`), "INVALID_FORMAT"},
		{"no JSON", ingest, "members", "INVALID_FORMAT"},
		{"terms accepted", ingest, a.upload(member(1), `,"termsOfService":{"customerMatchTermsOfServiceStatus":"ACCEPTED"}`), ""},
		{"terms rejected", ingest, a.upload(member(1), `,"termsOfService":{"customerMatchTermsOfServiceStatus":2}`), "TERMS_AND_CONDITIONS_NOT_SIGNED"},

		{"ten destinations", ingest, destination(strings.Repeat(dest+",", 9) + dest), ""},
		{"eleven", ingest, destination(strings.Repeat(dest+",", 10) + dest), "TOO_MANY_DESTINATIONS"},
		{"no destination", ingest, destination(""), "REQUIRED_FIELD_MISSING"},
		{"the old name of the account type", ingest, destination(strings.Replace(dest, "accountType", "product", 1)), ""},
		{"another product", ingest, destination(strings.Replace(dest, "GOOGLE_ADS", "DATA_PARTNER", 1)), "INVALID_DESTINATION"},
		{"another account", ingest, destination(strings.Replace(dest, "1234567890", "1", 1)), "PERMISSION_DENIED"},
		{"no account", ingest, destination(`{"productDestinationId":"500"}`), "REQUIRED_FIELD_MISSING"},
		{"an unknown list", ingest, destination(strings.Replace(dest, `"500"`, `"900"`, 1)), "INVALID_USER_LIST_ID"},
		{"a lookalike list", ingest, destination(strings.Replace(dest, `"500"`, fmt.Sprintf(`"%d"`, a.look), 1)), "INVALID_USER_LIST_TYPE"},

		{"removal", remove, a.upload(member(1)), ""},
		{"removal of 10,001", remove, a.upload(crowd(10_001)), "TOO_MANY_AUDIENCE_MEMBERS"},
		{"removal with terms", remove, a.upload(member(1), `,"termsOfService":{}`), "INVALID_FORMAT"},
		{"removal of all", removeAll, `{"destinations":[` + dest + `]}`, ""},
		{"removal as of the future", removeAll, `{"destinations":[` + dest + `],"removeAsOfTime":"2099-01-01T00:00:00Z"}`, "INVALID_FORMAT"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			status, body := a.ask(t, "POST", tc.path, tc.body)
			if got := reason(body); got != tc.want {
				t.Errorf("reason %q, want %q: %v", got, tc.want, body)
			}
			if (status == 200) != (tc.want == "") {
				t.Errorf("status %d", status)
			}
			if id, _ := body["requestId"].(string); tc.want == "" && id == "" {
				t.Error("there is no request id")
			}
		})
	}
}

func TestTheToken(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for header, want := range map[string]int{"Bearer TOKEN": 200, "bearer TOKEN": 200, "": 401, "Bearer": 401, "Bearer other": 401, "Basic TOKEN": 401} {
		req, err := http.NewRequest("POST", a.URL+ingest, strings.NewReader(a.upload(member(1))))
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		status, body := a.send(t, req)
		if status != want || want == 401 && reason(body) != "UNAUTHENTICATED" {
			t.Errorf("%q: status %d, %v", header, status, body)
		}
	}
}

func TestOneUnreadableMemberRefusesAll(t *testing.T) {
	t.Parallel()
	a := setup(t)
	_, body := a.ask(t, "POST", ingest, a.upload(member(1)+","+identifiers(`{"emailAddress":"x"}`)+","+member(2)+","+identifiers("")))
	e := body["error"].(map[string]any)
	var fields []string
	for _, d := range e["details"].([]any) {
		if all, ok := d.(map[string]any)["fieldViolations"].([]any); ok {
			for _, v := range all {
				fields = append(fields, v.(map[string]any)["field"].(string))
			}
		}
	}
	if got := strings.Join(fields, " "); got != "audience_members.audience_members[1].user_data.user_identifiers audience_members.audience_members[3].user_data" {
		t.Errorf("violations at %s", got)
	}
	if n := a.lists.Size(a.list); n != 0 {
		t.Errorf("%d people were added all the same", n)
	}
}

// status asks for a request's status twice: it is under way at first.
func (a *api) status(t *testing.T, id string) map[string]any {
	t.Helper()
	for _, under := range []bool{true, false} {
		_, body := a.ask(t, "GET", "/v1/requestStatus:retrieve?requestId="+id, "")
		all, ok := body["requestStatusPerDestination"].([]any)
		if !ok {
			t.Fatal(body)
		}
		st := all[0].(map[string]any)
		if (st["requestStatus"] == "PROCESSING") != under {
			t.Fatalf("status %v", st)
		}
		if !under {
			return st
		}
	}
	return nil
}

func TestConsentAndStatus(t *testing.T) {
	t.Parallel()
	denied := `,"consent":{"adUserData":"CONSENT_DENIED"}`
	withdrawn := strings.TrimSuffix(member(2), "}") + `,"consent":{"adUserData":2,"adPersonalization":2}}`
	granted := strings.TrimSuffix(member(3), "}") + `,"consent":{"adUserData":"CONSENT_GRANTED"}}`
	for _, tc := range []struct {
		name, members, more, status string
		refused                     float64
		size                        int
	}{
		{"granted", member(1) + "," + member(2), `,"consent":{"adUserData":"CONSENT_GRANTED","adPersonalization":"CONSENT_GRANTED"}`, "SUCCESS", 0, 2},
		{"not stated", member(1), "", "SUCCESS", 0, 1},
		{"one withdrawn", member(1) + "," + withdrawn, "", "PARTIAL_SUCCESS", 1, 1},
		{"all denied", member(1) + "," + member(2), denied, "FAILED", 2, 0},
		{"one's own overrides", member(1) + "," + granted, denied, "PARTIAL_SUCCESS", 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			_, body := a.ask(t, "POST", ingest, a.upload(tc.members, tc.more))
			id, _ := body["requestId"].(string)
			st := a.status(t, id)
			refused := 0.0
			if info, ok := st["errorInfo"].(map[string]any); ok {
				count := info["errorCounts"].([]any)[0].(map[string]any)
				if count["reason"] != "PROCESSING_ERROR_REASON_DENIED_CONSENT" {
					t.Errorf("reason %v", count["reason"])
				}
				fmt.Sscan(count["recordCount"].(string), &refused)
			}
			if st["requestStatus"] != tc.status || refused != tc.refused || a.lists.Size(a.list) != tc.size {
				t.Errorf("status %v, %v refused, %d on the list; want %s, %v, %d", st["requestStatus"], refused, a.lists.Size(a.list), tc.status, tc.refused, tc.size)
			}
		})
	}
}

func TestStatusOfAnIngest(t *testing.T) {
	t.Parallel()
	a := setup(t)
	_, body := a.ask(t, "POST", ingest, a.upload(crowd(160)))
	in := a.status(t, body["requestId"].(string))["audienceMembersIngestionStatus"].(map[string]any)["userDataIngestionStatus"].(map[string]any)
	if in["recordCount"] != "160" || in["userIdentifierCount"] != "160" || in["uploadMatchRateRange"] != "MATCH_RATE_RANGE_51_TO_60" {
		t.Errorf("%v", in)
	}
	if status, body := a.ask(t, "GET", "/v1/requestStatus:retrieve?requestId=nobody", ""); status != 404 {
		t.Errorf("an unknown request: %v", body)
	}
	if _, body := a.ask(t, "GET", "/v1/requestStatus:retrieve", ""); reason(body) != "REQUIRED_FIELD_MISSING" {
		t.Errorf("no request: %v", body)
	}
}

func TestEnumsAsNumbers(t *testing.T) {
	t.Parallel()
	a := setup(t)
	_, body := a.ask(t, "POST", ingest+"?%24alt=json%3Benum-encoding%3Dint", a.upload(member(1)))
	id := body["requestId"].(string)
	_, body = a.ask(t, "GET", "/v1/requestStatus:retrieve?requestId="+id+"&%24alt=json%3Benum-encoding%3Dint", "")
	st := body["requestStatusPerDestination"].([]any)[0].(map[string]any)
	if st["requestStatus"] != 2.0 || st["destination"].(map[string]any)["operatingAccount"].(map[string]any)["accountType"] != 1.0 {
		t.Errorf("%v", st)
	}
}

func TestRemoval(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.ask(t, "POST", ingest, a.upload(crowd(5)))
	_, body := a.ask(t, "POST", remove, a.upload(member(1)+","+member(99)))
	if n := a.lists.Size(a.list); n != 4 {
		t.Errorf("%d people are left, want 4", n)
	}
	st := a.status(t, body["requestId"].(string))
	if out := st["audienceMembersRemovalStatus"].(map[string]any)["userDataRemovalStatus"].(map[string]any); out["recordCount"] != "2" {
		t.Errorf("%v", st)
	}
}

// TestSafeReplacement: note the time, add, then remove all that are older. The
// list is never empty meanwhile.
func TestSafeReplacement(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.ask(t, "POST", ingest, a.upload(crowd(5)))
	a.now = a.now.Add(time.Hour)
	before := a.now.Format(time.RFC3339)
	a.ask(t, "POST", ingest, a.upload(member(4)+","+member(50)))
	if n := a.lists.Size(a.list); n != 6 {
		t.Fatalf("%d people, want 6", n)
	}
	body := fmt.Sprintf(`{"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1234567890"},"productDestinationId":"%d"}],"removeAsOfTime":%q}`, a.list, before)
	if status, answer := a.ask(t, "POST", removeAll, body); status != 200 {
		t.Fatal(answer)
	}
	if n := a.lists.Size(a.list); n != 2 {
		t.Errorf("%d people are left, want the 2 of the second upload", n)
	}
}

func TestMembersFallOffAfterTheirDays(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.ask(t, "POST", ingest, a.upload(crowd(3)))
	for _, tc := range []struct {
		day  string
		want int
	}{{"2026-03-31", 3}, {"2026-04-01", 0}} { // 30 days of membership
		a.market.AdvanceTo(civil.MustParse(tc.day))
		a.ask(t, "GET", userLists, "")
		if n := a.lists.Size(a.list); n != tc.want {
			t.Errorf("%d people on %s, want %d", n, tc.day, tc.want)
		}
	}
}

func TestValidateOnly(t *testing.T) {
	t.Parallel()
	a := setup(t)
	if status, body := a.ask(t, "POST", ingest, a.upload(member(1), `,"validateOnly":true`)); status != 200 || body["requestId"] != nil || a.lists.Size(a.list) != 0 {
		t.Errorf("status %d, %v, %d people", status, body, a.lists.Size(a.list))
	}
	if _, body := a.ask(t, "POST", ingest, a.upload(identifiers(""), `,"validateOnly":true`)); reason(body) == "" {
		t.Error("a bad member passed the validation")
	}
}

const userLists = "/v1/accountTypes/GOOGLE_ADS/accounts/1234567890/userLists"

func newList(more string) string {
	return `{"displayName":"New","ingestedUserListInfo":{"uploadKeyTypes":["CONTACT_ID"]}` + more + `}`
}

func TestUserLists(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for _, tc := range []struct {
		name, path, body string
		status           int
	}{
		{"validation only", userLists + "?validateOnly=true", newList(""), 200},
		{"540 days", userLists, newList(`,"membershipDuration":"46656000s"`), 200},
		{"the name again", userLists, newList(""), 409},
		{"no name", userLists, `{"ingestedUserListInfo":{"uploadKeyTypes":["CONTACT_ID"]}}`, 400},
		{"541 days", userLists, newList(`,"membershipDuration":"46742400s"`), 400},
		{"half a day", userLists, newList(`,"membershipDuration":"43200s"`), 400},
		{"no days", userLists, newList(`,"membershipDuration":"0s"`), 400},
		{"key types as numbers", userLists, `{"display_name":"Other","ingested_user_list_info":{"upload_key_types":[1]}}`, 200},
		{"mobile ids", userLists, `{"displayName":"M","ingestedUserListInfo":{"uploadKeyTypes":["MOBILE_ID"]}}`, 400},
		{"another account", strings.Replace(userLists, "1234567890", "1", 1), newList(""), 403},
		{"another type", strings.Replace(userLists, "GOOGLE_ADS", "DATA_PARTNER", 1), newList(""), 400},
	} {
		if status, body := a.ask(t, "POST", tc.path, tc.body); status != tc.status {
			t.Errorf("%s: status %d, want %d: %v", tc.name, status, tc.status, body)
		}
	}
	_, body := a.ask(t, "GET", userLists+"?filter=display_name%20%3D%20%22New%22%20AND%20membership_status%20%3D%20OPEN", "")
	found := body["userLists"].([]any)
	if len(found) != 1 || found[0].(map[string]any)["membershipDuration"] != "46656000s" {
		t.Fatalf("found %v", body)
	}
	name := "/v1/" + found[0].(map[string]any)["name"].(string)
	if status, body := a.ask(t, "GET", name, ""); status != 200 || body["displayName"] != "New" {
		t.Errorf("get: %d %v", status, body)
	}
	if status, _ := a.ask(t, "DELETE", name, ""); status != 200 {
		t.Errorf("delete: %d", status)
	}
	if status, _ := a.ask(t, "GET", name, ""); status != 404 {
		t.Errorf("get of a deleted list: %d", status)
	}
	for _, bad := range []string{"colour%20%3D%201", "display_name", "id%20%3D%201%20OR%20id%20%3D%202"} {
		if status, _ := a.ask(t, "GET", userLists+"?filter="+bad, ""); status != 400 {
			t.Errorf("filter %s: %d", bad, status)
		}
	}
	if status, _ := a.ask(t, "GET", "/v1/elsewhere", ""); status != 404 {
		t.Errorf("an unknown method: %d", status)
	}
}

func TestUserListsByPages(t *testing.T) {
	t.Parallel()
	a := setup(t)
	names, token := "", ""
	for range 2 {
		_, body := a.ask(t, "GET", userLists+"?pageSize=1&pageToken="+token, "")
		names += body["userLists"].([]any)[0].(map[string]any)["displayName"].(string) + ";"
		token, _ = body["nextPageToken"].(string)
	}
	if names != "Carts;Like carts;" || token != "" {
		t.Errorf("%s, then the token %q", names, token)
	}
	if status, _ := a.ask(t, "GET", userLists+"?pageToken=!", ""); status != 400 {
		t.Errorf("a token that is none: %d", status)
	}
}

func TestTheLimitAMinute(t *testing.T) {
	t.Parallel()
	a := setup(t, func(o *datamanager.Options) { o.PerMinute = 2 })
	for _, want := range []int{200, 200, 429} {
		if status, body := a.ask(t, "GET", userLists, ""); status != want {
			t.Errorf("status %d, want %d: %v", status, want, body)
		}
	}
	a.now = a.now.Add(30 * time.Second)
	if status, _ := a.ask(t, "GET", userLists, ""); status != 200 {
		t.Errorf("in the next minute: %d", status)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind   faults.Kind
		status int // 0: no answer
		size   int
	}{
		{faults.TimeoutBefore, 0, 0},
		{faults.TimeoutAfter, 0, 1},
		{faults.RateLimit, 429, 0},
		{faults.Unavailable, 503, 0},
		{faults.ExpiredToken, 401, 0},
		{faults.PartialFailure, 400, 0},
		{faults.SlowStream, 200, 1},
		{faults.StaleRead, 200, 1},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			a.faults.Add(faults.Rule{Kind: tc.kind, Service: "datamanager", Method: "POST /v1/audienceMembers:ingest", DelayMS: 5})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, "POST", a.URL+ingest, strings.NewReader(a.upload(member(1))))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer TOKEN")
			status := 0
			if resp, err := a.Client().Do(req); err == nil {
				status = resp.StatusCode
				if _, err := io.ReadAll(resp.Body); err != nil {
					t.Error(err)
				}
				resp.Body.Close()
			}
			if status != tc.status || a.lists.Size(a.list) != tc.size {
				t.Errorf("status %d, %d people; want %d, %d", status, a.lists.Size(a.list), tc.status, tc.size)
			}
		})
	}
}

func TestAStaleStatusIsStillUnderWay(t *testing.T) {
	t.Parallel()
	a := setup(t)
	_, body := a.ask(t, "POST", ingest, a.upload(member(1)))
	id := body["requestId"].(string)
	a.status(t, id)
	a.faults.Add(faults.Rule{Kind: faults.StaleRead, Service: "datamanager", Method: "requestStatus"})
	a.status(t, id)
}
