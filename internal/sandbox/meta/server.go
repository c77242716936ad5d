// Package meta emulates Meta's Graph API for one ad account of a simulated
// market: campaigns that own their budget, one ad set or several in each, insights,
// change history, custom audiences and the events of a data set. It enforces
// what Meta enforces, for any client, and fails as the fault table says. The
// market's behaviour is not here.
package meta

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"adsteward/internal/platform"
	"adsteward/internal/platform/meta"
	"adsteward/internal/sandbox/catalog"
	"adsteward/internal/sandbox/conversions"
	"adsteward/internal/sandbox/faults"
	"adsteward/internal/sandbox/lists"
	"adsteward/internal/sandbox/market"
)

// Options says what the emulator serves. Market, AdAccountID and AccessToken
// are required.
type Options struct {
	Market      *market.Market
	Faults      *faults.Table // may be nil
	AdAccountID string        // digits
	AccessToken string
	// AppSecret is what an appsecret_proof is checked against; proofs are not
	// checked where it is empty. A request without a proof is taken.
	AppSecret string
	// Lists holds the custom audiences; a registry of its own where nil.
	Lists *lists.Lists
	// DataSetID is the account's only data set; none where empty.
	DataSetID string
	// Conversions holds what was recorded of it; a ledger of its own where nil.
	Conversions *conversions.Ledger
	// CatalogID is the business's only product catalog, and Items its items as
	// they are judged now; none where empty.
	CatalogID string
	Items     func() ([]catalog.Item, error)
	// CallsPerHour is the account's limit; 100,000 where 0.
	CallsPerHour int
	// Now is the clock of the hourly limit; time.Now where nil.
	Now func() time.Time
}

// FirstAudienceID is where the ids of custom audiences begin.
const FirstAudienceID = 23_800_000_000_000_001

type server struct {
	Options
	unit int64            // micros in one of Graph's budget units
	byID map[string]place // of campaigns and ad sets; never changes

	mu       sync.Mutex
	hour     time.Time
	calls    int
	traces   int
	reports  []*report         // asynchronous, oldest first
	sessions map[string]counts // uploads to custom audiences
	rows     map[string]rowSet // insights already computed, by query
}

// New returns the emulated Graph API.
func New(o Options) http.Handler {
	if o.Lists == nil {
		o.Lists = lists.New(FirstAudienceID)
	}
	if o.Conversions == nil {
		o.Conversions = conversions.New()
	}
	if o.CallsPerHour == 0 {
		o.CallsPerHour = 100_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &server{Options: o, unit: int64(meta.Unit(o.Market.Scenario().Currency)),
		byID:     remoteIDs(o.Market.Campaigns(platform.Meta)),
		sessions: map[string]counts{}, rows: map[string]rowSet{}}
}

// request is one call, however it was written: parameters come from the
// address, a form or a JSON body.
type request struct {
	method  string
	path    []string // after the version
	params  url.Values
	base    string // scheme, host and version, for paging.next
	partial bool   // the first item of the batch is to be refused
	stale   bool   // the newest change is not to be seen
}

const maxBody = 64 << 20

var versionPath = regexp.MustCompile(`^v(\d+)\.(\d+)$`)

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req, token, fail := s.parse(w, r)
	rule, faulty := s.Faults.Next("meta", r.Method+" "+r.URL.Path)
	if faulty {
		switch rule.Kind {
		case faults.TimeoutBefore:
			rule.HangUp(r)
		case faults.RateLimit:
			fail = limited(req.method)
		case faults.Unavailable:
			fail = &graphError{status: http.StatusServiceUnavailable, Code: 2, Transient: true, Type: "OAuthException",
				Message: "Service temporarily unavailable"}
		case faults.ExpiredToken:
			fail = badToken(463, "Error validating access token: Session has expired.")
		}
		req.partial, req.stale = rule.Kind == faults.PartialFailure, rule.Kind == faults.StaleRead
	}
	if fail == nil {
		fail = s.authorize(token, req.params.Get("appsecret_proof"))
	}
	percent := s.count()
	if fail == nil && percent > 100 {
		fail = limited(req.method)
	}
	var body any
	if fail == nil {
		body, fail = s.handle(req)
	}
	if faulty && rule.Kind == faults.TimeoutAfter {
		rule.HangUp(r)
	}
	var delay time.Duration
	if faulty && rule.Kind == faults.SlowStream {
		delay = rule.Delay()
	}
	regain := 0
	if faulty && rule.Kind == faults.RateLimit {
		regain = int(rule.Delay() / time.Minute)
	} else if percent > 100 {
		regain = 60 - s.Now().Minute()
	}
	s.answer(w, body, fail, min(percent, 100), regain, delay)
}

// parse reads a request and its token. A broken request is answered too, so
// the error comes with what could be read.
func (s *server) parse(w http.ResponseWriter, r *http.Request) (req request, token string, fail *graphError) {
	req = request{method: r.Method, params: r.URL.Query()}
	if req.params == nil {
		req.params = url.Values{}
	}
	for part := range strings.SplitSeq(strings.Trim(r.URL.Path, "/"), "/") {
		if part != "" {
			req.path = append(req.path, part)
		}
	}
	version := "v26.0"
	if len(req.path) > 0 && versionPath.MatchString(req.path[0]) {
		version, req.path = req.path[0], req.path[1:]
		fail = checkVersion(version)
	}
	req.base = "http://" + r.Host + "/" + version + "/"
	if err := bodyParams(http.MaxBytesReader(w, r.Body, maxBody), r.Header.Get("Content-Type"), req.params); err != nil && fail == nil {
		fail = invalid("The request's body cannot be read: %v", err)
	}
	if m := req.params.Get("method"); m != "" && r.Method == http.MethodPost {
		req.method = strings.ToUpper(m)
	}
	token = req.params.Get("access_token")
	if scheme, value, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && (scheme == "Bearer" || scheme == "OAuth") {
		token = value
	}
	return req, token, fail
}

func checkVersion(version string) *graphError {
	switch version {
	case "v25.0", "v26.0":
		return nil
	}
	m := versionPath.FindStringSubmatch(version)
	if len(m[1]) < 2 || m[1] < "25" {
		return &graphError{status: http.StatusBadRequest, Code: 2635, Type: "OAuthException",
			Message: "(#2635) You are calling a deprecated version of the Ads API. Please update to the latest version: v26.0."}
	}
	return &graphError{status: http.StatusBadRequest, Code: 2500, Type: "OAuthException", Message: "Unknown path components: /" + version}
}

// bodyParams adds a form's, a multipart form's or a JSON object's values to the
// parameters; of a JSON value that is no text its JSON.
func bodyParams(body io.Reader, contentType string, into url.Values) error {
	kind, attrs, _ := mime.ParseMediaType(contentType)
	switch kind {
	case "multipart/form-data":
		return multipartParams(body, attrs["boundary"], into)
	case "application/json":
		var values map[string]json.RawMessage
		if err := json.NewDecoder(body).Decode(&values); err != nil && err != io.EOF {
			return err
		}
		for k, raw := range values {
			var text string
			if json.Unmarshal(raw, &text) != nil {
				text = string(raw)
			}
			into.Set(k, text)
		}
		return nil
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	form, err := url.ParseQuery(string(data))
	if err != nil {
		return err
	}
	for k, v := range form {
		into[k] = v
	}
	return nil
}

func (s *server) authorize(token, proof string) *graphError {
	switch {
	case token == "":
		return badToken(0, "An access token is required to request this resource.")
	case !hmac.Equal([]byte(token), []byte(s.AccessToken)):
		return badToken(0, "Invalid OAuth access token - Cannot parse access token")
	}
	if proof == "" || s.AppSecret == "" {
		return nil
	}
	mac := hmac.New(sha256.New, []byte(s.AppSecret))
	mac.Write([]byte(token))
	if !hmac.Equal([]byte(proof), []byte(hex.EncodeToString(mac.Sum(nil)))) {
		return &graphError{status: http.StatusBadRequest, Code: 100, Type: "GraphMethodException",
			Message: "Invalid appsecret_proof provided in the API argument"}
	}
	return nil
}

// count counts a call and returns the share of the hour's limit in percent.
func (s *server) count() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if hour := s.Now().Truncate(time.Hour); !hour.Equal(s.hour) {
		s.hour, s.calls = hour, 0
	}
	s.calls++
	return 100 * float64(s.calls) / float64(s.CallsPerHour)
}

// answer writes the body or the error, with the headers Graph sends.
func (s *server) answer(w http.ResponseWriter, body any, fail *graphError, percent float64, regain int, delay time.Duration) {
	s.mu.Lock()
	s.traces++
	trace := fmt.Sprintf("A%010dtrace", s.traces)
	s.mu.Unlock()

	whole := int(percent)
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("X-Fb-Trace-Id", trace)
	h.Set("X-App-Usage", fmt.Sprintf(`{"call_count":%d,"total_cputime":%d,"total_time":%d}`, whole, whole/2, whole/2))
	h.Set("X-Ad-Account-Usage", fmt.Sprintf(`{"acc_id_util_pct":%.2f,"reset_time_duration":%d,"ads_api_access_tier":"standard_access"}`, percent, regain*60))
	h.Set("X-Business-Use-Case-Usage", fmt.Sprintf(
		`{"%s":[{"type":"ads_management","call_count":%d,"total_cputime":%d,"total_time":%d,"estimated_time_to_regain_access":%d,"ads_api_access_tier":"standard_access"}]}`,
		s.AdAccountID, whole, whole/2, whole/2, regain))
	status := http.StatusOK
	if fail != nil {
		fail.TraceID = trace
		status, body = fail.status, map[string]any{"error": fail}
		if fail.Code == 190 {
			h.Set("WWW-Authenticate", `OAuth "Facebook Platform" "invalid_token" "`+fail.Message+`"`)
		}
	}
	if answer, ok := body.(map[string]any); ok && answer[traceKey] == "" {
		answer[traceKey] = trace
	}
	data, err := json.Marshal(body)
	if err != nil { // every body is made of maps, texts and finite numbers
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	faults.WriteSlowly(w, data, delay)
}
