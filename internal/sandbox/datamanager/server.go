// Package datamanager emulates Google's Data Manager API over REST for one
// Google Ads account: user lists, their members, events of a conversion action,
// and the status of requests. It enforces the API's limits and formats for any
// client, writes and reads enums as names or numbers, and fails as the fault
// table says.
package datamanager

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/civil"
	"adsteward/internal/sandbox/conversions"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
)

// Options says what the emulator serves. Market, CustomerID and AccessTokens
// are required.
type Options struct {
	Market     *market.Market // its days are those of membership
	Faults     *faults.Table  // may be nil
	CustomerID int64
	// Lists holds the account's user lists, shared with the Google Ads
	// emulator; a registry of its own where nil.
	Lists *lists.Lists
	// ConversionActionID is the account's only conversion action; none where 0.
	ConversionActionID int64
	// Conversions holds what was recorded of it; a ledger of its own where nil.
	Conversions *conversions.Ledger
	// AccessTokens says whether a bearer token is valid.
	AccessTokens func(token string) bool
	// PerMinute is the project's limit of requests; 300 where 0, as Google's.
	PerMinute int
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

type server struct {
	Options
	mux *http.ServeMux

	mu       sync.Mutex
	day      civil.Date
	minute   time.Time
	calls    int
	requests int
	statuses map[string]*requestStatus
	order    []string // of statuses, oldest first
}

const (
	maxBody      = 64 << 20
	keptStatuses = 10_000
)

// New returns the emulated API.
func New(o Options) http.Handler {
	if o.Lists == nil {
		o.Lists = lists.New(1)
	}
	if o.Conversions == nil {
		o.Conversions = conversions.New()
	}
	if o.PerMinute == 0 {
		o.PerMinute = 300
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &server{Options: o, mux: http.NewServeMux(), statuses: map[string]*requestStatus{}}
	s.handle("POST /v1/audienceMembers:ingest", s.ingest)
	s.handle("POST /v1/audienceMembers:remove", s.remove)
	s.handle("POST /v1/audienceMembers:removeAll", s.removeAll)
	s.handle("POST /v1/events:ingest", s.ingestEvents)
	s.handle("GET /v1/requestStatus:retrieve", s.retrieve)
	const parent = "/v1/accountTypes/{type}/accounts/{account}/userLists"
	s.handle("GET "+parent, s.listLists)
	s.handle("POST "+parent, s.createList)
	s.handle("GET "+parent+"/{list}", s.getList)
	s.handle("DELETE "+parent+"/{list}", s.deleteList)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.write(w, r, nil, &apiError{http.StatusNotFound, "NOT_FOUND", "Method not found.", "NOT_FOUND", nil}, 0)
	})
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// call is one request: its JSON body read into memory, and the fault it meets.
type call struct {
	*http.Request
	body []byte
	// partial refuses the first item, stale hides the newest change.
	partial, stale bool
}

// handle serves a method: token, limits, faults, then fn.
func (s *server) handle(pattern string, fn func(call) (any, *apiError)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		var fail *apiError
		if err != nil {
			fail = invalid("INVALID_FORMAT", "", "The request's body cannot be read.")
		}
		rule, faulty := s.Faults.Next("datamanager", r.Method+" "+r.URL.Path)
		c := call{Request: r, body: body}
		if faulty {
			switch rule.Kind {
			case faults.TimeoutBefore:
				rule.HangUp(r)
			case faults.RateLimit:
				fail = exhausted()
			case faults.Unavailable:
				fail = &apiError{http.StatusServiceUnavailable, "UNAVAILABLE", "The service is currently unavailable.", "", nil}
			case faults.ExpiredToken:
				fail = unauthenticated()
			}
			c.partial, c.stale = rule.Kind == faults.PartialFailure, rule.Kind == faults.StaleRead
		}
		if fail == nil {
			fail = s.admit(r)
		}
		var answer any
		if fail == nil {
			answer, fail = fn(c)
		}
		if faulty && rule.Kind == faults.TimeoutAfter {
			rule.HangUp(r)
		}
		var delay time.Duration
		if faulty && rule.Kind == faults.SlowStream {
			delay = rule.Delay()
		}
		s.write(w, r, answer, fail, delay)
	})
}

func (s *server) admit(r *http.Request) *apiError {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || !s.AccessTokens(token) {
		return unauthenticated()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.Now().Truncate(time.Minute); !m.Equal(s.minute) {
		s.minute, s.calls = m, 0
	}
	if today := s.Market.Today(); today != s.day {
		s.day = today
		s.Lists.Expire(today)
	}
	if s.calls++; s.calls > s.PerMinute {
		return exhausted()
	}
	return nil
}

// apiError is an error as Google's APIs write it.
type apiError struct {
	code       int
	status     string
	message    string
	reason     string // ErrorInfo.reason; "" for none
	violations []violation
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
	Reason      string `json:"reason"`
}

// invalid is INVALID_ARGUMENT because of one field; field may be empty.
func invalid(reason, field, description string) *apiError {
	e := &apiError{http.StatusBadRequest, "INVALID_ARGUMENT", "There was a problem with the request.", "INVALID_ARGUMENT", nil}
	if field != "" || description != "" {
		e.violations = []violation{{field, description, reason}}
	}
	return e
}

func unauthenticated() *apiError {
	return &apiError{http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials. " +
		"Expected OAuth 2 access token, login cookie or other valid authentication credential.", "ACCESS_TOKEN_INVALID", nil}
}

func exhausted() *apiError {
	return &apiError{http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "Too many requests.", "RESOURCE_EXHAUSTED", nil}
}

func notFound(what string) *apiError {
	return &apiError{http.StatusNotFound, "NOT_FOUND", what + " not found.", "NOT_FOUND", nil}
}

func (e *apiError) body(requestID string) any {
	details := []any{}
	if e.reason != "" {
		details = append(details, map[string]any{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": e.reason, "domain": "datamanager.googleapis.com"})
	}
	if len(e.violations) > 0 {
		details = append(details, map[string]any{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": e.violations})
	}
	details = append(details, map[string]any{"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": requestID})
	return map[string]any{"error": map[string]any{"code": e.code, "status": e.status, "message": e.message, "details": details}}
}

// write answers with the enums the client asked for, names unless it said
// $alt=json;enum-encoding=int.
func (s *server) write(w http.ResponseWriter, r *http.Request, body any, fail *apiError, delay time.Duration) {
	status := http.StatusOK
	if fail != nil {
		status, body = fail.code, fail.body(s.requestID())
	}
	if body == nil {
		body = struct{}{}
	}
	data, err := json.Marshal(body)
	if err == nil && strings.Contains(r.URL.Query().Get("$alt"), "enum-encoding=int") {
		data, err = enumsToNumbers(data)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://accounts.google.com/"`)
	}
	w.WriteHeader(status)
	faults.WriteSlowly(w, data, delay)
}

// requestStatus is what became of an accepted request, by destination. It is
// under way when first asked for.
type requestStatus struct {
	asked  bool
	answer []*dm.RequestStatusPerDestination
}

func (s *server) accepted(answer []*dm.RequestStatusPerDestination) string {
	id := s.requestID()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statuses[id] = &requestStatus{answer: answer}
	s.order = append(s.order, id)
	if len(s.order) > keptStatuses {
		delete(s.statuses, s.order[0])
		s.order = s.order[1:]
	}
	return id
}

func (s *server) requestID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	return fmt.Sprintf("req-%08d", s.requests)
}

func (s *server) retrieve(c call) (any, *apiError) {
	id := c.URL.Query().Get("requestId")
	if id == "" {
		id = c.URL.Query().Get("request_id")
	}
	if id == "" {
		return nil, invalid("REQUIRED_FIELD_MISSING", "request_id", "Required field is missing.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st, ok := s.statuses[id]
	if !ok {
		return nil, notFound("Request " + strconv.Quote(id))
	}
	r := &dm.RetrieveRequestStatusResponse{RequestStatusPerDestination: st.answer}
	if !st.asked || c.stale {
		r.RequestStatusPerDestination = nil
		for _, d := range st.answer {
			r.RequestStatusPerDestination = append(r.RequestStatusPerDestination,
				&dm.RequestStatusPerDestination{Destination: d.Destination, RequestStatus: "PROCESSING"})
		}
	}
	st.asked = true
	return r, nil
}
