package meta

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// handle answers an authorised request.
func (s *server) handle(req request) (any, *graphError) {
	if len(req.path) == 0 {
		return s.root(req)
	}
	id, edge := req.path[0], strings.Join(req.path[1:], "/")
	switch {
	case id == "me":
		return s.me(req, edge)
	case id == "act_"+s.AdAccountID:
		return s.account(req, edge)
	case id == s.DataSetID:
		return s.dataSet(req, edge)
	case id == s.CatalogID && s.Items != nil:
		return s.catalogNode(req, edge)
	}
	st := s.structure(req.stale)
	if c, ok := st.campaign(id); ok {
		return s.campaignNode(req, st, c, edge)
	}
	if a, ok := st.adSet(id); ok {
		return s.adSetNode(req, st, a, edge)
	}
	if l, ok := s.audience(id); ok {
		return s.audienceNode(req, l, edge)
	}
	if r, ok := s.report(id); ok {
		return s.reportNode(req, r, edge)
	}
	return nil, unknownObject(req.method, id)
}

// root is the address without a path: several objects by their ids, or a batch.
func (s *server) root(req request) (any, *graphError) {
	if batch := req.params.Get("batch"); batch != "" && req.method == http.MethodPost {
		return s.batch(req, batch)
	}
	ids := req.params.Get("ids")
	if ids == "" || req.method != http.MethodGet {
		return nil, unknownObject(req.method, "")
	}
	out := map[string]any{}
	for id := range strings.SplitSeq(ids, ",") {
		one := req
		one.path = []string{strings.TrimSpace(id)}
		v, fail := s.handle(one)
		if fail != nil {
			return nil, fail // one bad id fails the whole request, as with Graph
		}
		out[one.path[0]] = v
	}
	if len(out) > 50 {
		return nil, invalid("Too many ids. Maximum: 50. Provided: %d.", len(out))
	}
	return out, nil
}

// batch answers several requests at once, each with its own status.
func (s *server) batch(req request, text string) (any, *graphError) {
	var calls []struct {
		Method string `json:"method"`
		URL    string `json:"relative_url"`
		Body   string `json:"body"`
	}
	if err := json.Unmarshal([]byte(text), &calls); err != nil || len(calls) > 50 {
		return nil, invalid("batch must be a JSON array of at most 50 requests")
	}
	out := make([]any, 0, len(calls))
	for i, c := range calls {
		one, fail := batched(req, c.Method, c.URL, c.Body)
		var body any
		if fail == nil && req.partial && i == 0 {
			fail = invalid("The request was refused")
		}
		if fail == nil {
			body, fail = s.handle(one)
		}
		code := http.StatusOK
		if fail != nil {
			code, body = fail.status, map[string]any{"error": fail}
		}
		data, err := json.Marshal(body)
		if err != nil {
			return nil, invalid("batch: %v", err)
		}
		out = append(out, map[string]any{"code": code, "body": string(data),
			"headers": []map[string]string{{"name": "Content-Type", "value": "application/json; charset=UTF-8"}}})
	}
	return out, nil
}

func batched(req request, method, address, body string) (request, *graphError) {
	u, err := url.Parse(address)
	if err != nil {
		return req, invalid("relative_url %q cannot be read", address)
	}
	params := u.Query()
	form, err := url.ParseQuery(body)
	if err != nil {
		return req, invalid("the body of a batched request cannot be read")
	}
	maps.Copy(params, form)
	one := request{method: strings.ToUpper(method), params: params, base: req.base}
	for part := range strings.SplitSeq(strings.Trim(u.Path, "/"), "/") {
		if part != "" && !versionPath.MatchString(part) {
			one.path = append(one.path, part)
		}
	}
	return one, nil
}

// node answers a GET of one object.
func node(req request, o object) (any, *graphError) {
	fields, fail := parseFields(req.params.Get("fields"))
	if fail != nil {
		return nil, fail
	}
	return nonNil(o.selected(fields))
}

// nonNil keeps a nil map from becoming a non-nil any.
func nonNil(m map[string]any, fail *graphError) (any, *graphError) {
	if fail != nil {
		return nil, fail
	}
	return m, nil
}

const maxPage = 5000

// page answers a GET of an edge of n objects: the page the cursor stands at.
func page(req request, n int, at func(int) object, defaults string) (any, *graphError) {
	asked := req.params.Get("fields")
	if asked == "" {
		asked = defaults
	}
	fields, fail := parseFields(asked)
	if fail != nil {
		return nil, fail
	}
	limit := 25
	if text := req.params.Get("limit"); text != "" {
		v, err := strconv.Atoi(text)
		if err != nil || v < 1 {
			return nil, invalid("Param limit must be a positive number")
		}
		limit = min(v, maxPage)
	}
	start, err := position(req.params.Get("after"))
	if err != nil || start > n {
		return nil, invalid("Invalid cursors values")
	}
	end := min(start+limit, n)
	data := make([]any, 0, end-start)
	for i := start; i < end; i++ {
		v, fail := at(i).selected(fields)
		if fail != nil {
			return nil, fail
		}
		data = append(data, v)
	}
	out := map[string]any{"data": data}
	if len(data) > 0 {
		paging := map[string]any{"cursors": map[string]string{"before": cursor(start), "after": cursor(end)}}
		if end < n {
			paging["next"] = nextPage(req, limit, cursor(end))
		}
		out["paging"] = paging
	}
	return out, nil
}

func nextPage(req request, limit int, after string) string {
	q := maps.Clone(req.params)
	q.Del("appsecret_proof")
	q.Del("method")
	q.Set("limit", strconv.Itoa(limit))
	q.Set("after", after)
	return req.base + strings.Join(req.path, "/") + "?" + q.Encode()
}

func cursor(at int) string { return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "p%d", at)) }

func position(after string) (int, error) {
	if after == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil || len(b) < 2 || b[0] != 'p' {
		return 0, fmt.Errorf("not a cursor: %q", after)
	}
	return strconv.Atoi(string(b[1:]))
}

// filters are the conditions of the parameters filtering and effective_status;
// nil where there are none.
func filters(req request) (func(value func(field string) string) bool, *graphError) {
	type condition struct {
		Field    string `json:"field"`
		Operator string `json:"operator"`
		Value    any    `json:"value"`
	}
	var all []condition
	if text := req.params.Get("filtering"); text != "" {
		if err := json.Unmarshal([]byte(text), &all); err != nil {
			return nil, invalid("Param filtering must be an array")
		}
	}
	if text := req.params.Get("effective_status"); text != "" {
		var states []any
		if err := json.Unmarshal([]byte(text), &states); err != nil {
			return nil, invalid("Param effective_status must be an array")
		}
		all = append(all, condition{"effective_status", "IN", states})
	}
	if len(all) == 0 {
		return nil, nil
	}
	for _, c := range all {
		if !slices.Contains([]string{"EQUAL", "NOT_EQUAL", "IN", "NOT_IN", "CONTAIN"}, c.Operator) {
			return nil, invalid("The operator %s is not supported for filtering", c.Operator)
		}
	}
	return func(value func(string) string) bool {
		for _, c := range all {
			have := value(c.Field)
			values, isList := c.Value.([]any)
			if !isList {
				values = []any{c.Value}
			}
			match := slices.ContainsFunc(values, func(v any) bool {
				if c.Operator == "CONTAIN" {
					return strings.Contains(have, fmt.Sprint(v))
				}
				return have == fmt.Sprint(v)
			})
			if match == strings.HasPrefix(c.Operator, "NOT") {
				return false
			}
		}
		return true
	}, nil
}
