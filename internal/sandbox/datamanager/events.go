package datamanager

import (
	"fmt"
	"time"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/civil"
	"adsteward/internal/money"
	"adsteward/internal/sandbox/conversions"
)

const (
	maxEvents    = 2000
	maxEventDays = 90 // an older order has no click left that it could count for
)

// eventsRequest is dm.IngestEventsRequest with events that tell a value of 0
// from none, and read strictly.
type eventsRequest struct {
	Consent        *dm.Consent        `json:"consent"`
	Destinations   []*dm.Destination  `json:"destinations"`
	Encoding       string             `json:"encoding"`
	EncryptionInfo *dm.EncryptionInfo `json:"encryptionInfo"`
	Events         []*event           `json:"events"`
	ValidateOnly   bool               `json:"validateOnly"`
}

type plainEvent dm.Event // without its methods, which read it leniently

type event struct {
	plainEvent
	ConversionValue *float64 `json:"conversionValue"`
}

// ingestEvents records events of the conversion action, whose source is the
// website. One that cannot be read refuses the whole request; one that is read
// and not taken, for its age or for want of consent, is counted in the request's
// status. An event of an order that is recorded already adjusts it.
func (s *server) ingestEvents(c call) (any, *apiError) {
	var req eventsRequest
	if fail := read(c.body, &req); fail != nil {
		return nil, fail
	}
	targets, fail := s.targets(req.Destinations, func(id int64) (reason, description string) {
		if id == 0 || id != s.ConversionActionID {
			return "INVALID_CONVERSION_ACTION_ID", "Conversion action ID is not valid."
		}
		return "", ""
	})
	if fail != nil {
		return nil, fail
	}
	if req.EncryptionInfo != nil {
		return nil, invalid("ENCRYPTION_NOT_SUPPORTED", "encryption_info", "Encryption is not emulated.")
	}
	w := s.window()
	recorded, fail := w.readEvents(req)
	if fail != nil {
		return nil, fail
	}
	if c.partial {
		return nil, invalid("INVALID_EVENT", "events.events[0]", "This event is not valid.")
	}
	if req.ValidateOnly {
		return &dm.IngestEventsResponse{}, nil
	}
	var statuses []*dm.RequestStatusPerDestination
	for i, id := range targets {
		refused := map[string]int{}
		for k, r := range recorded {
			if reason := w.notTaken(req, k, r); reason != "" {
				refused[reason]++
				continue
			}
			r.Destination = fmt.Sprint(id)
			s.Conversions.Adjust(r, req.Events[k].ConversionValue != nil)
		}
		st := outcome(req.Destinations[i], len(recorded), refused)
		st.EventsIngestionStatus = &dm.IngestEventsStatus{RecordCount: int64(len(recorded))}
		statuses = append(statuses, st)
	}
	return &dm.IngestEventsResponse{RequestId: s.accepted(statuses)}, nil
}

// notTaken is the reason an event that can be read is refused for, or "".
func (w window) notTaken(req eventsRequest, k int, r conversions.Recorded) string {
	consent := req.Consent
	if own := req.Events[k].Consent; own != nil {
		consent = own
	}
	switch {
	case consent != nil && consent.AdUserData == "CONSENT_DENIED":
		return deniedConsent
	case r.At.Before(w.oldest):
		return eventTooOld
	}
	return ""
}

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

// readEvents reads the events; all that cannot be read are named in the refusal.
func (w window) readEvents(req eventsRequest) ([]conversions.Recorded, *apiError) {
	switch {
	case len(req.Events) == 0:
		return nil, invalid("REQUIRED_FIELD_MISSING", "events", "Required field is missing.")
	case len(req.Events) > maxEvents:
		return nil, invalid("TOO_MANY_EVENTS", "events", "Maximum number of events allowed per request is 2,000.")
	}
	var out []conversions.Recorded
	var bad []violation
	for i, e := range req.Events {
		r, v := w.recorded(e, req.Encoding)
		if v != nil {
			v.Field = fmt.Sprintf("events.events[%d]%s", i, v.Field)
			if len(bad) < maxViolations {
				bad = append(bad, *v)
			}
			continue
		}
		out = append(out, r)
	}
	if len(bad) > 0 {
		e := invalid("", "", "")
		e.violations = bad
		return nil, e
	}
	return out, nil
}

// recorded reads one event of a conversion action with the source website, which
// needs a transaction id, a time, the buyer's click or user data, and a currency
// with a value.
func (w window) recorded(e *event, encoding string) (conversions.Recorded, *violation) {
	r := conversions.Recorded{Day: w.day}
	missing := func(field string) (conversions.Recorded, *violation) {
		return r, &violation{field, "Required field is missing.", "REQUIRED_FIELD_MISSING"}
	}
	if e == nil {
		return missing("")
	}
	if e.TransactionId == "" {
		return missing(".transaction_id")
	}
	if e.EventTimestamp == "" {
		return missing(".event_timestamp")
	}
	at, err := time.Parse(time.RFC3339, e.EventTimestamp)
	if err != nil {
		return r, &violation{".event_timestamp", "Format is invalid.", "INVALID_FORMAT"}
	}
	if !at.Before(w.end) {
		return r, &violation{".event_timestamp", "Event did not occur within the acceptable time window.", "EVENT_TIME_INVALID"}
	}
	if v := readValue(e, &r); v != nil {
		return r, v
	}
	if ids := e.AdIdentifiers; ids != nil {
		for _, click := range [][2]string{{"gclid", ids.Gclid}, {"gbraid", ids.Gbraid}, {"wbraid", ids.Wbraid}} {
			if click[1] != "" {
				r.Click = click[0] + ":" + click[1]
			}
		}
	}
	if e.UserData != nil {
		if encoding != "HEX" && encoding != "BASE64" {
			return missing(".user_data")
		}
		var v *violation
		if r.Identifiers, v = userIdentifiers(e.UserData, encoding); v != nil {
			return r, v
		}
	}
	if r.Click == "" && r.Identifiers == nil {
		return missing(".ad_identifiers")
	}
	r.OrderID, r.At = e.TransactionId, at.UTC()
	r.NewCustomer = e.UserProperties != nil && e.UserProperties.CustomerType == "NEW"
	return r, nil
}

func readValue(e *event, into *conversions.Recorded) *violation {
	if e.Currency != "" && !money.ValidCode(e.Currency) {
		return &violation{".currency", "Currency code is not supported.", "INVALID_CURRENCY_CODE"}
	}
	if e.ConversionValue == nil {
		return nil
	}
	value, err := money.FromFloat(*e.ConversionValue)
	if err != nil || value < 0 {
		return &violation{".conversion_value", "Invalid number format.", "INVALID_NUMBER_FORMAT"}
	}
	if e.Currency == "" {
		return &violation{".currency", "Required field is missing.", "REQUIRED_FIELD_MISSING"}
	}
	into.Value, into.Currency = value, e.Currency
	return nil
}
