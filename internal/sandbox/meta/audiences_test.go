package meta_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func (a *account) audience(t *testing.T, pairs ...string) string {
	t.Helper()
	_, body := a.ask(t, "POST", "/v26.0/act_77/customaudiences", v(append([]string{"name", "A", "subtype", "CUSTOM", "customer_file_source", "USER_PROVIDED_ONLY"}, pairs...)...))
	id, _ := body["id"].(string)
	if id == "" {
		t.Fatal(body)
	}
	return id
}

func TestUsers(t *testing.T) {
	t.Parallel()
	type counts struct{ received, invalid, size int }
	for _, tc := range []struct {
		name, payload string
		want          counts
		code          string
	}{
		{"hashes of one key", `{"schema":"EMAIL_SHA256","data":["` + hash + `","` + hash2 + `"]}`, counts{2, 0, 2}, ""},
		{"hashes in lists", `{"schema":["EMAIL"],"data":[["` + hash + `"]]}`, counts{1, 0, 1}, ""},
		{"no hash", `{"schema":["EMAIL"],"data":[["` + hash + `"],["ada@example.com"]]}`, counts{2, 1, 1}, ""},
		{"too short", `{"schema":["PHONE"],"data":[["abc"]]}`, counts{1, 1, 0}, ""},
		{"several keys", `{"schema":["EXTERN_ID","EMAIL","COUNTRY"],"data":[["c1","` + hash + `","` + hash2 + `"],["c2","",""],["","","` + hash + `"]]}`, counts{3, 1, 2}, ""},
		{"a country that is no hash", `{"schema":["EXTERN_ID","COUNTRY"],"data":[["c1","de"]]}`, counts{1, 1, 0}, ""},
		{"names", `{"schema":["FN","LN"],"data":[["` + hash + `","` + hash2 + `"],["` + hash + `",""]]}`, counts{2, 1, 1}, ""},
		{"too few cells", `{"schema":["EXTERN_ID","EMAIL"],"data":[["c1"]]}`, counts{1, 1, 0}, ""},
		{"the same twice", `{"schema":["EMAIL"],"data":[["` + hash + `"],["` + hash + `"]]}`, counts{2, 0, 1}, ""},
		{"a value without a value-based audience", `{"schema":["EMAIL","LOOKALIKE_VALUE"],"data":[["` + hash + `",3]]}`, counts{}, "100"},
		{"an unknown key", `{"schema":["SHOE_SIZE"],"data":[["44"]]}`, counts{}, "100"},
		{"no schema", `{"data":[["` + hash + `"]]}`, counts{}, "100"},
		{"no JSON", `EMAIL`, counts{}, "100"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := setup(t)
			id := a.audience(t)
			_, body := a.ask(t, "POST", "/v26.0/"+id+"/users", v("payload", tc.payload))
			if code(body) != tc.code {
				t.Fatalf("code %q, want %q: %v", code(body), tc.code, body)
			}
			n, _ := strconv.ParseInt(id, 10, 64)
			got := counts{size: a.lists.Size(n)}
			if tc.code == "" {
				got.received, got.invalid = int(body["num_received"].(float64)), int(body["num_invalid_entries"].(float64))
			}
			if got != tc.want {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestUsersLimitsAndKinds(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.audience(t, "is_value_based", "1")
	rows := make([]string, 10_001)
	for i := range rows {
		rows[i] = fmt.Sprintf(`["%064x",%d]`, i, i)
	}
	payload := func(n int) string {
		return `{"schema":["EMAIL","LOOKALIKE_VALUE"],"data":[` + strings.Join(rows[:n], ",") + `]}`
	}
	if _, body := a.ask(t, "POST", "/v26.0/"+id+"/users", v("payload", payload(10_001))); code(body) != "100/1870145" {
		t.Errorf("10,001 users: %v", code(body))
	}
	if _, body := a.ask(t, "POST", "/v26.0/"+id+"/users", v("payload", payload(50))); code(body) != "" {
		t.Errorf("50 users: %v", body)
	}
	look := v("name", "L", "subtype", "LOOKALIKE", "origin_audience_id", id, "lookalike_spec", `{"ratio":0.01,"country":"DE"}`)
	if _, body := a.ask(t, "POST", "/v26.0/act_77/customaudiences", look); code(body) != "2654/1713007" {
		t.Errorf("a lookalike of 50: %v", body)
	}
	if _, body := a.ask(t, "POST", "/v26.0/"+id+"/users", v("payload", payload(10_000))); code(body) != "" {
		t.Errorf("10,000 users: %v", body)
	}
	for spec, want := range map[string]string{`{"ratio":0.01,"country":"DE"}`: "", `{"type":"similarity","country":"AT"}`: "", `{"ratio":0.21,"country":"DE"}`: "100",
		`{"ratio":0.009,"country":"DE"}`: "100", `{"ratio":0.01,"country":"Germany"}`: "100", `x`: "100"} {
		look.Set("lookalike_spec", spec)
		_, body := a.ask(t, "POST", "/v26.0/act_77/customaudiences", look)
		if code(body) != want {
			t.Errorf("%s: code %q, want %q", spec, code(body), want)
		}
		if want == "" {
			if _, body = a.ask(t, "POST", "/v26.0/"+body["id"].(string)+"/users", v("payload", payload(1))); code(body) != "100" {
				t.Errorf("a lookalike took users: %v", body)
			}
		}
	}
	_, body := a.ask(t, "GET", "/v26.0/"+id, v("fields", "name,subtype,is_value_based,approximate_count_lower_bound,operation_status"))
	if body["subtype"] != "CUSTOM" || body["is_value_based"] != true || body["approximate_count_lower_bound"] != 10000.0 {
		t.Errorf("the audience reads %v", body)
	}
	if _, body = a.ask(t, "DELETE", "/v26.0/"+id, nil); body["success"] != true {
		t.Errorf("deleting: %v", body)
	}
	if _, body = a.ask(t, "GET", "/v26.0/"+id, nil); code(body) != "100/33" {
		t.Errorf("the deleted audience reads %v", body)
	}
}

// TestRemovalInThreeWays: the official SDK puts the payload of a DELETE into the
// address, others into its body, and some send a POST that says it is a DELETE.
func TestRemovalInThreeWays(t *testing.T) {
	t.Parallel()
	payload := `{"schema":["EMAIL"],"data":[["` + hash + `"]]}`
	form := v("payload", payload, "access_token", "TOKEN").Encode()
	for name, request := range map[string]func(address string) (*http.Request, error){
		"address": func(u string) (*http.Request, error) { return http.NewRequest("DELETE", u+"?"+form, nil) },
		"body": func(u string) (*http.Request, error) {
			r, err := http.NewRequest("DELETE", u, strings.NewReader(form))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r, err
		},
		"method": func(u string) (*http.Request, error) {
			r, err := http.NewRequest("POST", u, strings.NewReader(form+"&method=delete"))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r, err
		},
	} {
		a := setup(t)
		id := a.audience(t)
		a.ask(t, "POST", "/v26.0/"+id+"/users", v("payload", `{"schema":["EMAIL"],"data":[["`+hash+`"],["`+hash2+`"]]}`))
		req, err := request(a.URL + "/v26.0/" + id + "/users")
		if err != nil {
			t.Fatal(err)
		}
		if _, body, _ := a.send(t, req); code(body) != "" || body["num_received"] != 1.0 {
			t.Errorf("%s: %v", name, body)
		}
		n, _ := strconv.ParseInt(id, 10, 64)
		if a.lists.Size(n) != 1 {
			t.Errorf("%s: %d people are left, want 1", name, a.lists.Size(n))
		}
	}
}

func TestSessionsAddUp(t *testing.T) {
	t.Parallel()
	a := setup(t)
	id := a.audience(t)
	_, body := a.ask(t, "POST", "/v26.0/"+id+"/users", v("payload", `{"schema":["EMAIL"],"data":[["`+hash+`"],["x"]]}`, "session", `{"session_id":9,"batch_seq":1,"last_batch_flag":false}`))
	if body["num_received"] != 2.0 || body["num_invalid_entries"] != 1.0 || body["session_id"] != "9" {
		t.Errorf("the first batch: %v", body)
	}
	_, body = a.ask(t, "POST", "/v26.0/"+id+"/users", v("payload", `{"schema":["EMAIL"],"data":[["`+hash2+`"]]}`, "session", `{"session_id":9,"batch_seq":2,"last_batch_flag":true}`))
	if body["num_received"] != 3.0 || body["num_invalid_entries"] != 1.0 {
		t.Errorf("the session so far: %v", body)
	}
	for _, bad := range []string{`{}`, `{"session_id":9}`, `{"session_id":9,"batch_seq":0}`, `x`} {
		if _, body := a.ask(t, "POST", "/v26.0/"+id+"/users", v("payload", `{"schema":["EMAIL"],"data":[["`+hash2+`"]]}`, "session", bad)); code(body) != "100" {
			t.Errorf("session %s was taken: %v", bad, body)
		}
	}
}
