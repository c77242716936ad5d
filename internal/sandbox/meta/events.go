package meta

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/sandbox/conversions"
)

const (
	eventsPerRequest = 1000
	maxEventDays     = 7
	dedupDays        = 2 // 48 hours
)

// serverEvent is one event of the Conversions API, as far as it is emulated.
type serverEvent struct {
	Name         string         `json:"event_name"`
	Time         *float64       `json:"event_time"`
	ID           string         `json:"event_id"`
	ActionSource string         `json:"action_source"`
	UserData     map[string]any `json:"user_data"`
	CustomData   struct {
		Value    *float64 `json:"value"`
		Currency string   `json:"currency"`
		OrderID  string   `json:"order_id"`
	} `json:"custom_data"`
}

// dataSet answers the data set itself and its edge that takes events.
func (s *server) dataSet(req request, edge string) (any, *graphError) {
	if edge == "" && req.method == http.MethodGet {
		return map[string]any{"id": s.DataSetID, "name": "Shop"}, nil
	}
	if edge != "events" || req.method != http.MethodPost {
		return nil, unknownObject(req.method, strings.Join(req.path, "/"))
	}
	return s.events(req)
}

// events records events of the data set. One that is wrong refuses the whole
// request; one whose name and id were told in the 48 hours before is received
// and not counted again.
func (s *server) events(req request) (any, *graphError) {
	text, ok := given(req, "data")
	if !ok {
		return nil, invalid("The parameter data is required")
	}
	var data []json.RawMessage
	if err := json.Unmarshal([]byte(text), &data); err != nil {
		return nil, invalid("param data must be an array.")
	}
	if len(data) == 0 || len(data) > eventsPerRequest {
		return nil, invalid("param data must have from 1 to %d events, not %d.", eventsPerRequest, len(data))
	}
	w := s.window()
	var all []conversions.Recorded
	messages := []string{}
	for i, raw := range data {
		r, note, fail := w.read(raw, i)
		if fail == nil && req.partial && i == 0 {
			fail = parameter(i, "", "is not valid.")
		}
		if fail != nil {
			return nil, fail
		}
		if note != "" {
			messages = append(messages, note)
		}
		all = append(all, r)
	}
	for _, r := range all {
		r.Destination = s.DataSetID + "/" + r.Destination
		s.Conversions.Once(r, dedupDays)
	}
	return map[string]any{"events_received": len(all), "messages": messages, traceKey: ""}, nil
}

// traceKey is the field of an answer that tells its trace.
const traceKey = "fbtrace_id"

// window is the time of which events are taken: from oldest to before the end of
// the market's day, in the zone of the account.
type window struct {
	day         civil.Date
	oldest, end time.Time
}

func (s *server) window() window {
	zone, err := time.LoadLocation(s.Market.Scenario().TimeZone)
	if err != nil { // was checked with the scenario
		zone = time.UTC
	}
	today := s.Market.Today()
	return window{today, today.AddDays(-maxEventDays).In(zone), today.AddDays(1).In(zone)}
}

var (
	actionSources = "email website app phone_call chat physical_store system_generated business_messaging other"
	hashedData    = "em ph fn ln ge db ct st zp country"
	// finding data finds somebody; the other only helps.
	findingData = []string{"em", "ph", "external_id", "fbc", "fbp", "madid", "lead_id", "subscription_id", "fb_login_id"}
	clickCookie = regexp.MustCompile(`^fb\.[012]\.[0-9]{13}\.\S+$`)
)

// read reads the event at a position of the request. The destination of the
// record is the event's name.
func (w window) read(raw json.RawMessage, at int) (r conversions.Recorded, note string, fail *graphError) {
	var e serverEvent
	if err := json.Unmarshal(raw, &e); err != nil {
		return r, "", invalid("param data[%d] must be a server event: %s", at, strings.TrimPrefix(err.Error(), "json: "))
	}
	switch {
	case e.Name == "":
		return r, "", required(at, "['event_name']")
	case e.Time == nil:
		return r, "", required(at, "['event_time']")
	case e.UserData == nil:
		return r, "", required(at, "['user_data']")
	case !hasWord(actionSources, e.ActionSource):
		return r, "", parameter(at, "['action_source']", "must be one of "+actionSources+".")
	case *e.Time != math.Trunc(*e.Time) || math.Abs(*e.Time) > 1e10:
		return r, "", parameter(at, "['event_time']", "must be a Unix timestamp in seconds.")
	}
	r = conversions.Recorded{Destination: e.Name, OrderID: e.ID, At: time.Unix(int64(*e.Time), 0).UTC(), Day: w.day}
	if r.OrderID == "" {
		r.OrderID = e.CustomData.OrderID
	}
	switch {
	case r.At.Before(w.oldest):
		return r, "", refused(2804003, "Event Timestamp Too Old", fmt.Sprintf("An event must be sent within %d days of when it happened.", maxEventDays))
	case !r.At.Before(w.end):
		return r, "", parameter(at, "['event_time']", "must not be in the future.")
	}
	if fail := readPerson(e.UserData, at, &r); fail != nil {
		return r, "", fail
	}
	if click, ok := e.UserData["fbc"].(string); ok {
		if r.Click = "fbc:" + click; !clickCookie.MatchString(click) {
			r.Click, note = "", fmt.Sprintf("The parameter $['data'][%d]['user_data']['fbc'] is not a click ID and was left out.", at)
		}
	}
	return r, note, readPurchase(e, at, &r)
}

func readPerson(data map[string]any, at int, into *conversions.Recorded) *graphError {
	found := false
	for _, key := range findingData {
		found = found || data[key] != nil
	}
	_, ip := data["client_ip_address"].(string)
	_, agent := data["client_user_agent"].(string)
	if !found && !(ip && agent) {
		return refused(2804050, "Not Enough Customer Information", "The event has no customer information that anybody could be found by.")
	}
	for key, v := range data {
		list, many := v.([]any)
		if !many {
			list = []any{v}
		}
		for _, item := range list {
			text, ok := item.(string)
			switch {
			case !ok && key != "external_id" || text == "":
				return parameter(at, "['user_data']['"+key+"']", "must be a string.")
			case hasWord(hashedData, key) && !isHash(text):
				return parameter(at, "['user_data']['"+key+"']", "must be hashed with SHA-256.")
			}
			if key == "em" || key == "ph" || key == "external_id" {
				into.Identifiers = append(into.Identifiers, key+":"+text)
			}
		}
	}
	slices.Sort(into.Identifiers)
	return nil
}

func readPurchase(e serverEvent, at int, into *conversions.Recorded) *graphError {
	if e.Name != "Purchase" {
		return nil
	}
	if e.CustomData.Value == nil {
		return required(at, "['custom_data']['value']")
	}
	if !money.ValidCode(strings.ToUpper(e.CustomData.Currency)) {
		return refused(2804010, "Missing Currency for Purchase Event", "A purchase needs a currency, for example USD.")
	}
	value, err := money.FromFloat(*e.CustomData.Value)
	if err != nil || value < 0 {
		return parameter(at, "['custom_data']['value']", "must be a number that is not negative.")
	}
	into.Value, into.Currency = value, strings.ToUpper(e.CustomData.Currency)
	return nil
}

func required(at int, field string) *graphError { return parameter(at, field, "is required.") }

// parameter is the refusal of one field of one event, which it names.
func parameter(at int, field, what string) *graphError {
	return refused(2804019, "Server-side API parameter error", fmt.Sprintf("The parameter $['data'][%d]%s %s", at, field, what))
}
