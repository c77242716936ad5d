package meta

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"adsteward/internal/sandbox/lists"
)

const (
	membersPerRequest = 10_000
	leastSeed         = 100 // people in the source of a lookalike
)

// counts are those of one upload session.
type counts struct{ received, invalid int }

func (s *server) audience(id string) (lists.List, bool) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return lists.List{}, false
	}
	return s.Lists.Get(n)
}

func (s *server) audiences(req request) (any, *graphError) {
	match, fail := filters(req)
	if fail != nil {
		return nil, fail
	}
	var kept []lists.List
	for _, l := range s.Lists.All() {
		values := s.audienceObject(l).values
		if match == nil || match(func(f string) string { return fmt.Sprint(values[f]) }) {
			kept = append(kept, l)
		}
	}
	return page(req, len(kept), func(i int) object { return s.audienceObject(kept[i]) }, "id")
}

func (s *server) audienceObject(l lists.List) object {
	v := map[string]any{
		"id": strconv.FormatInt(l.ID, 10), "account_id": s.AdAccountID, "name": l.Name, "description": l.Description,
		"subtype": "CUSTOM", "customer_file_source": "USER_PROVIDED_ONLY", "is_value_based": l.Kind == lists.Value,
		"operation_status": map[string]any{"code": 200, "description": "Normal"},
		"delivery_status":  map[string]any{"code": 200, "description": "This audience is ready for use."},
	}
	size := s.Lists.Size(l.ID)
	lower, upper := size/100*100, (size+99)/100*100
	if l.Kind == lists.Lookalike {
		v["subtype"] = "LOOKALIKE"
		delete(v, "customer_file_source")
		v["lookalike_spec"] = map[string]any{"ratio": l.Ratio, "country": strings.Join(l.Countries, ","),
			"origin": []map[string]string{{"id": strconv.FormatInt(l.Seed, 10)}}}
		lower, upper = 1_000_000, 1_200_000
	}
	if lower < 1000 {
		lower, upper = -1, -1 // small audiences are not counted out
	}
	v["approximate_count_lower_bound"], v["approximate_count_upper_bound"] = lower, upper
	return object{kind: "CustomAudience", values: v,
		known: "customer_file_source lookalike_spec retention_days rule data_source time_created time_updated time_content_updated sharing_status permission_for_actions lookalike_audience_ids external_event_source"}
}

func (s *server) createAudience(req request) (any, *graphError) {
	name, _ := given(req, "name")
	if name == "" {
		return nil, invalid("The parameter name is required")
	}
	l := lists.List{Name: name, Kind: lists.CRM, Description: req.params.Get("description")}
	switch subtype := req.params.Get("subtype"); subtype {
	case "CUSTOM", "":
		if !hasWord("USER_PROVIDED_ONLY PARTNER_PROVIDED_ONLY BOTH_USER_AND_PARTNER_PROVIDED", req.params.Get("customer_file_source")) {
			return nil, refused(1870053, "Missing Customer File Source",
				"customer_file_source must be USER_PROVIDED_ONLY, PARTNER_PROVIDED_ONLY or BOTH_USER_AND_PARTNER_PROVIDED.")
		}
		if hasWord("1 true", req.params.Get("is_value_based")) {
			l.Kind = lists.Value
		}
	case "LOOKALIKE":
		if fail := s.lookalike(req, &l); fail != nil {
			return nil, fail
		}
	default:
		return nil, invalid("Param subtype: %s cannot be made here", subtype)
	}
	made := s.Lists.CreateNamesake(l)
	return map[string]any{"id": strconv.FormatInt(made.ID, 10)}, nil
}

func (s *server) lookalike(req request, l *lists.List) *graphError {
	origin, ok := s.audience(req.params.Get("origin_audience_id"))
	if !ok || origin.Kind == lists.Lookalike {
		return invalid("Param origin_audience_id is not a custom audience that can be a source")
	}
	var spec struct {
		Ratio   float64 `json:"ratio"`
		Type    string  `json:"type"`
		Country string  `json:"country"`
	}
	if err := json.Unmarshal([]byte(req.params.Get("lookalike_spec")), &spec); err != nil {
		return invalid("Param lookalike_spec must be an object")
	}
	switch spec.Type {
	case "similarity":
		spec.Ratio = 0.01
	case "reach":
		spec.Ratio = 0.05
	}
	if spec.Ratio < 0.01 || spec.Ratio > 0.20 {
		return invalid("Param lookalike_spec[ratio] must be from 0.01 to 0.20")
	}
	if len(spec.Country) != 2 || strings.ToUpper(spec.Country) != spec.Country {
		return invalid("Param lookalike_spec[country] must be a country code of two letters")
	}
	if n := s.Lists.Size(origin.ID); n < leastSeed {
		return &graphError{status: http.StatusBadRequest, Code: 2654, Subcode: 1713007, Type: "OAuthException",
			Message: "(#2654) Failed to create custom audience", UserTitle: "Source Audience Too Small",
			UserMessage: fmt.Sprintf("The source audience needs at least %d people from one country. It has %d.", leastSeed, n)}
	}
	l.Kind, l.Seed, l.Ratio, l.Countries = lists.Lookalike, origin.ID, spec.Ratio, []string{spec.Country}
	return nil
}

func (s *server) audienceNode(req request, l lists.List, edge string) (any, *graphError) {
	switch {
	case edge == "" && req.method == http.MethodGet:
		return node(req, s.audienceObject(l))
	case edge == "" && req.method == http.MethodDelete:
		s.Lists.Delete(l.ID)
		return map[string]any{"success": true}, nil
	case edge == "users" && (req.method == http.MethodPost || req.method == http.MethodDelete):
		return s.users(req, l)
	}
	return nil, unknownObject(req.method, strings.Join(req.path, "/"))
}

// users adds or removes people. The counts answered are those of the session
// so far, or of the request where it names none.
func (s *server) users(req request, l lists.List) (any, *graphError) {
	if l.Kind == lists.Lookalike {
		return nil, invalid("People cannot be added to or removed from a lookalike audience")
	}
	schema, data, fail := payload(req)
	if fail != nil {
		return nil, fail
	}
	if len(data) > membersPerRequest {
		return nil, refused(1870145, "Too Many Users", fmt.Sprintf("A request takes at most %d users, not %d.", membersPerRequest, len(data)))
	}
	if hasWord(strings.Join(schema, " "), "LOOKALIKE_VALUE") && l.Kind != lists.Value {
		return nil, invalid("LOOKALIKE_VALUE needs an audience made with is_value_based")
	}
	session, id, fail := s.session(req, l)
	if fail != nil {
		return nil, fail
	}
	var people []lists.Person
	for i, entry := range data {
		p, ok := person(schema, entry)
		if !ok || req.partial && i == 0 {
			session.invalid++
			continue
		}
		people = append(people, p)
	}
	session.received += len(data)
	if err := s.change(req.method, l.ID, people); err != nil {
		return nil, unknownObject(req.method, strconv.FormatInt(l.ID, 10))
	}
	if id != "" {
		s.mu.Lock()
		s.sessions[id] = session
		s.mu.Unlock()
	}
	return map[string]any{"audience_id": strconv.FormatInt(l.ID, 10), "session_id": id[strings.LastIndex(id, "/")+1:],
		"num_received": session.received, "num_invalid_entries": session.invalid, "invalid_entry_samples": map[string]any{}}, nil
}

func (s *server) change(method string, id int64, people []lists.Person) error {
	if method == http.MethodPost {
		return s.Lists.Add(id, people...)
	}
	for _, p := range people {
		if _, err := s.Lists.Remove(id, p.Identifiers...); err != nil {
			return err
		}
	}
	return nil
}

// session returns the counts so far of the session a request belongs to, and
// the name they are kept under; a first batch begins a session.
func (s *server) session(req request, l lists.List) (counts, string, *graphError) {
	text, ok := given(req, "session")
	if !ok {
		return counts{}, "", nil
	}
	var v struct {
		ID    json.Number `json:"session_id"`
		Batch json.Number `json:"batch_seq"`
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil || v.ID == "" {
		return counts{}, "", invalid("Param session must be an object with session_id, batch_seq and last_batch_flag")
	}
	seq, err := v.Batch.Int64()
	if err != nil || seq < 1 {
		return counts{}, "", invalid("Param session[batch_seq] must be a positive integer")
	}
	key := fmt.Sprintf("%s %d/%s", req.method, l.ID, v.ID)
	if seq == 1 {
		return counts{}, key, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[key], key, nil
}

// payload reads schema and data; both may be lists of lists or, with a single
// key, plain lists.
func payload(req request) (schema []string, data [][]any, fail *graphError) {
	text, ok := given(req, "payload")
	if !ok {
		return nil, nil, invalid("The parameter payload is required")
	}
	var v struct {
		Schema json.RawMessage   `json:"schema"`
		Data   []json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return nil, nil, invalid("Param payload must be an object with schema and data")
	}
	var single string
	if json.Unmarshal(v.Schema, &single) == nil {
		schema = []string{single}
	} else if json.Unmarshal(v.Schema, &schema) != nil || len(schema) == 0 {
		return nil, nil, invalid("Param payload[schema] must be a key or a list of keys")
	}
	for _, key := range schema {
		if !hasWord(hashedKeys+" "+plainKeys+" LOOKALIKE_VALUE DATA_PROCESSING_OPTIONS", key) {
			return nil, nil, invalid("Param payload[schema]: %s is not a key", key)
		}
	}
	for _, raw := range v.Data {
		var entry []any
		if json.Unmarshal(raw, &entry) != nil {
			var cell any
			if err := json.Unmarshal(raw, &cell); err != nil {
				return nil, nil, invalid("Param payload[data] must be a list")
			}
			entry = []any{cell}
		}
		data = append(data, entry)
	}
	return schema, data, nil
}

const (
	hashedKeys = "EMAIL PHONE EMAIL_SHA256 PHONE_SHA256 GEN DOBY DOBM DOBD LN FN FI CT ST ZIP COUNTRY"
	plainKeys  = "EXTERN_ID MADID MOBILE_ADVERTISER_ID PAGEUID"
	// identifying keys say who somebody is; the others only help.
	identifying = "EMAIL PHONE EMAIL_SHA256 PHONE_SHA256 EXTERN_ID MADID MOBILE_ADVERTISER_ID PAGEUID"
)

// person reads an entry; false where it is invalid: another number of cells
// than the schema, a cell that is no hash where one belongs, or nobody in it.
func person(schema []string, entry []any) (lists.Person, bool) {
	if len(entry) != len(schema) {
		return lists.Person{}, false
	}
	var p lists.Person
	name := ""
	for i, key := range schema {
		if key == "DATA_PROCESSING_OPTIONS" {
			continue
		}
		if key == "LOOKALIKE_VALUE" {
			v, err := strconv.ParseFloat(fmt.Sprint(entry[i]), 64)
			if err != nil || v < 0 {
				return p, false
			}
			p.Value = v
			continue
		}
		cell := fmt.Sprint(entry[i])
		if entry[i] == nil || cell == "" {
			continue
		}
		if hasWord(hashedKeys, key) && !isHash(cell) {
			return p, false
		}
		if key == "FN" || key == "LN" {
			name += strings.ToLower(cell)
		}
		if hasWord(identifying, key) {
			p.Identifiers = append(p.Identifiers, strings.TrimSuffix(key, "_SHA256")+":"+strings.ToLower(cell))
		}
	}
	if len(p.Identifiers) == 0 && len(name) == 128 { // first and last name together are somebody
		p.Identifiers = []string{"NAME:" + name}
	}
	return p, len(p.Identifiers) > 0
}

func isHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
