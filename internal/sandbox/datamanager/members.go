package datamanager

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/sandbox/lists"
)

const (
	maxMembers      = 10_000
	maxIdentifiers  = 10
	maxDestinations = 10
	maxViolations   = 100 // named in one refusal
)

// ingest adds members to the destinations' lists. One that cannot be read
// refuses the whole request; one without consent is left out of the list and
// counted in the request's status.
func (s *server) ingest(c call) (any, *apiError) {
	var req dm.IngestAudienceMembersRequest
	if fail := read(c.body, &req); fail != nil {
		return nil, fail
	}
	targets, fail := s.destinations(req.Destinations)
	if fail != nil {
		return nil, fail
	}
	if t := req.TermsOfService; t != nil && t.CustomerMatchTermsOfServiceStatus == "REJECTED" {
		return nil, invalid("TERMS_AND_CONDITIONS_NOT_SIGNED", "terms_of_service", "Required terms and conditions are not accepted.")
	}
	people, identifiers, fail := persons(req.AudienceMembers, req.Encoding)
	if fail != nil {
		return nil, fail
	}
	if c.partial {
		return nil, invalid("INVALID_AUDIENCE_MEMBER", "audience_members.audience_members[0]", "This audience member is not valid.")
	}
	if req.ValidateOnly {
		return &dm.IngestAudienceMembersResponse{}, nil
	}
	var taken []lists.Person
	for i, p := range people {
		consent := req.Consent
		if own := req.AudienceMembers[i].Consent; own != nil {
			consent = own
		}
		if consent == nil || consent.AdUserData != "CONSENT_DENIED" && consent.AdPersonalization != "CONSENT_DENIED" {
			p.Added, p.Day = s.Now(), s.Market.Today()
			taken = append(taken, p)
		}
	}
	denied := map[string]int{}
	if n := len(people) - len(taken); n > 0 {
		denied[deniedConsent] = n
	}
	var statuses []*dm.RequestStatusPerDestination
	for i, id := range targets {
		if err := s.Lists.Add(id, taken...); err != nil {
			return nil, invalid("INVALID_USER_LIST_ID", fmt.Sprintf("destinations[%d].product_destination_id", i), "User list is not valid.")
		}
		st := outcome(req.Destinations[i], len(people), denied)
		st.AudienceMembersIngestionStatus = &dm.IngestAudienceMembersStatus{UserDataIngestionStatus: &dm.IngestUserDataStatus{
			RecordCount: int64(len(people)), UserIdentifierCount: int64(identifiers), UploadMatchRateRange: matchRate(taken)}}
		statuses = append(statuses, st)
	}
	return &dm.IngestAudienceMembersResponse{RequestId: s.accepted(statuses)}, nil
}

func (s *server) remove(c call) (any, *apiError) {
	var req dm.RemoveAudienceMembersRequest
	if fail := read(c.body, &req); fail != nil {
		return nil, fail
	}
	targets, fail := s.destinations(req.Destinations)
	if fail != nil {
		return nil, fail
	}
	people, identifiers, fail := persons(req.AudienceMembers, req.Encoding)
	if fail != nil {
		return nil, fail
	}
	if c.partial {
		return nil, invalid("INVALID_AUDIENCE_MEMBER", "audience_members.audience_members[0]", "This audience member is not valid.")
	}
	if req.ValidateOnly {
		return &dm.RemoveAudienceMembersResponse{}, nil
	}
	var statuses []*dm.RequestStatusPerDestination
	for i, id := range targets {
		for _, p := range people {
			if _, err := s.Lists.Remove(id, p.Identifiers...); err != nil {
				return nil, invalid("INVALID_USER_LIST_ID", fmt.Sprintf("destinations[%d].product_destination_id", i), "User list is not valid.")
			}
		}
		st := outcome(req.Destinations[i], len(people), nil)
		st.AudienceMembersRemovalStatus = &dm.RemoveAudienceMembersStatus{UserDataRemovalStatus: &dm.RemoveUserDataStatus{
			RecordCount: int64(len(people)), UserIdentifierCount: int64(identifiers)}}
		statuses = append(statuses, st)
	}
	return &dm.RemoveAudienceMembersResponse{RequestId: s.accepted(statuses)}, nil
}

// removeAll takes off everybody last added before removeAsOfTime, which is now
// where it is not given.
func (s *server) removeAll(c call) (any, *apiError) {
	var req dm.RemoveAllAudienceMembersRequest
	if fail := read(c.body, &req); fail != nil {
		return nil, fail
	}
	targets, fail := s.destinations(req.Destinations)
	if fail != nil {
		return nil, fail
	}
	before := s.Now()
	if req.RemoveAsOfTime != "" {
		t, err := time.Parse(time.RFC3339, req.RemoveAsOfTime)
		if err != nil || t.After(before) {
			return nil, invalid("INVALID_FORMAT", "remove_as_of_time", "The time must be RFC 3339 and not in the future.")
		}
		before = t
	}
	if req.ValidateOnly {
		return &dm.RemoveAllAudienceMembersResponse{}, nil
	}
	var statuses []*dm.RequestStatusPerDestination
	for i, id := range targets {
		if _, err := s.Lists.RemoveOlder(id, before); err != nil {
			return nil, invalid("INVALID_USER_LIST_ID", fmt.Sprintf("destinations[%d].product_destination_id", i), "User list is not valid.")
		}
		st := outcome(req.Destinations[i], 0, nil)
		st.RemoveAllAudienceMembersStatus = &dm.RemoveAllAudienceMembersStatus{}
		statuses = append(statuses, st)
	}
	return &dm.RemoveAllAudienceMembersResponse{RequestId: s.accepted(statuses)}, nil
}

// destinations checks where members go and returns the lists' ids.
func (s *server) destinations(ds []*dm.Destination) ([]int64, *apiError) {
	return s.targets(ds, func(id int64) (reason, description string) {
		list, ok := s.Lists.Get(id)
		switch {
		case !ok:
			return "INVALID_USER_LIST_ID", "User list is not valid."
		case list.Kind == lists.Lookalike:
			return "INVALID_USER_LIST_TYPE", "Type of the user list is not applicable for this request."
		}
		return "", ""
	})
}

// targets checks where a request goes and returns the ids of the objects there;
// object says what is wrong with one, 0 being what is no id.
func (s *server) targets(ds []*dm.Destination, object func(id int64) (reason, description string)) ([]int64, *apiError) {
	if len(ds) == 0 {
		return nil, invalid("REQUIRED_FIELD_MISSING", "destinations", "Required field is missing.")
	}
	if len(ds) > maxDestinations {
		return nil, invalid("TOO_MANY_DESTINATIONS", "destinations", "Maximum number of destinations allowed per request is 10.")
	}
	var ids []int64
	for i, d := range ds {
		field := func(name string) string { return fmt.Sprintf("destinations[%d].%s", i, name) }
		a := d.OperatingAccount
		switch {
		case a == nil || a.AccountId == "":
			return nil, invalid("REQUIRED_FIELD_MISSING", field("operating_account"), "Required field is missing.")
		case a.AccountType != "GOOGLE_ADS" && a.Product != "GOOGLE_ADS":
			return nil, invalid("INVALID_DESTINATION", field("operating_account"), "This Destination is not valid.")
		case a.AccountId != strconv.FormatInt(s.CustomerID, 10):
			return nil, forbidden()
		}
		id, err := strconv.ParseInt(d.ProductDestinationId, 10, 64)
		if err != nil {
			id = 0
		}
		if reason, description := object(id); reason != "" {
			return nil, invalid(reason, field("product_destination_id"), description)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func forbidden() *apiError {
	return &apiError{http.StatusForbidden, "PERMISSION_DENIED", "The user does not have permission or the resource is not found.", "PERMISSION_DENIED", nil}
}

// persons reads the members; all that cannot be read are named in the refusal.
func persons(members []*dm.AudienceMember, encoding string) (out []lists.Person, identifiers int, fail *apiError) {
	switch {
	case len(members) == 0:
		return nil, 0, invalid("REQUIRED_FIELD_MISSING", "audience_members", "Required field is missing.")
	case len(members) > maxMembers:
		return nil, 0, invalid("TOO_MANY_AUDIENCE_MEMBERS", "audience_members", "Maximum number of audience members allowed per request is 10,000.")
	case encoding != "HEX" && encoding != "BASE64":
		return nil, 0, invalid("REQUIRED_FIELD_MISSING", "encoding", "Required field is missing.")
	}
	var bad []violation
	for i, m := range members {
		p, v := person(m, encoding)
		if v != nil {
			v.Field = fmt.Sprintf("audience_members.audience_members[%d]%s", i, v.Field)
			if len(bad) < maxViolations {
				bad = append(bad, *v)
			}
			continue
		}
		identifiers += len(p.Identifiers)
		out = append(out, p)
	}
	if len(bad) > 0 {
		e := invalid("", "", "")
		e.violations = bad
		return nil, 0, e
	}
	return out, identifiers, nil
}

func person(m *dm.AudienceMember, encoding string) (lists.Person, *violation) {
	var data *dm.UserData
	switch {
	case m == nil:
	case m.UserData != nil:
		data = m.UserData
	case m.CompositeData != nil:
		data = m.CompositeData.UserData
	}
	ids, v := userIdentifiers(data, encoding)
	return lists.Person{Identifiers: ids}, v
}

func userIdentifiers(data *dm.UserData, encoding string) ([]string, *violation) {
	if data == nil || len(data.UserIdentifiers) == 0 {
		return nil, &violation{".user_data", "Required field is missing.", "REQUIRED_FIELD_MISSING"}
	}
	if len(data.UserIdentifiers) > maxIdentifiers {
		return nil, &violation{".user_data.user_identifiers", "Maximum number of user identifiers allowed per audience member is 10.", "TOO_MANY_USER_IDENTIFIERS"}
	}
	var ids []string
	for _, id := range data.UserIdentifiers {
		ident, v := identifier(id, encoding)
		if v != nil {
			return nil, v
		}
		ids = append(ids, ident)
	}
	return ids, nil
}

// identifier reads one of e-mail, phone and address.
func identifier(id *dm.UserIdentifier, encoding string) (string, *violation) {
	const field = ".user_data.user_identifiers"
	missing := &violation{field, "Required field is missing.", "REQUIRED_FIELD_MISSING"}
	if id == nil {
		return "", missing
	}
	given := 0
	for _, has := range []bool{id.EmailAddress != "", id.PhoneNumber != "", id.Address != nil} {
		if has {
			given++
		}
	}
	if given != 1 {
		return "", missing
	}
	hash := func(what, value string) (string, *violation) {
		digest, v := decodeHash(what, value, encoding)
		if v != nil {
			v.Field = field
			return "", v
		}
		return what + ":" + hex.EncodeToString(digest), nil
	}
	switch {
	case id.EmailAddress != "":
		return hash("Email", id.EmailAddress)
	case id.PhoneNumber != "":
		return hash("Phone number", id.PhoneNumber)
	}
	a := id.Address
	if a.GivenName == "" || a.FamilyName == "" || a.PostalCode == "" || a.RegionCode == "" {
		return "", missing
	}
	if len(a.RegionCode) != 2 {
		return "", &violation{field, "Country code is not valid.", "INVALID_COUNTRY_CODE"}
	}
	given1, v := hash("Given name", a.GivenName)
	if v != nil {
		return "", v
	}
	family, v := hash("Family name", a.FamilyName)
	if v != nil {
		return "", v
	}
	return strings.Join([]string{given1, family, strings.ToUpper(a.RegionCode), a.PostalCode}, "|"), nil
}

func decodeHash(what, value, encoding string) ([]byte, *violation) {
	digest, err := hex.DecodeString(value)
	v := &violation{Description: what + " is not hex encoded.", Reason: "INVALID_HEX_ENCODING"}
	if encoding == "BASE64" {
		digest, err = base64.StdEncoding.DecodeString(value)
		v = &violation{Description: what + " is not Base64 encoded.", Reason: "INVALID_BASE64_ENCODING"}
	}
	if err != nil {
		return nil, v
	}
	if len(digest) != 32 {
		return nil, &violation{Description: "The SHA256 encoded value is malformed.", Reason: "INVALID_SHA256_FORMAT"}
	}
	return digest, nil
}

// outcome is the status of a request of sent records of which some were refused
// afterwards, counted by reason.
func outcome(d *dm.Destination, sent int, refused map[string]int) *dm.RequestStatusPerDestination {
	st := &dm.RequestStatusPerDestination{Destination: d, RequestStatus: "SUCCESS"}
	total := 0
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		total += refused[reason]
		if st.ErrorInfo == nil {
			st.ErrorInfo = &dm.ErrorInfo{}
		}
		st.ErrorInfo.ErrorCounts = append(st.ErrorInfo.ErrorCounts, &dm.ErrorCount{Reason: reason, RecordCount: int64(refused[reason])})
	}
	switch {
	case total > 0 && total == sent:
		st.RequestStatus = "FAILED"
	case total > 0:
		st.RequestStatus = "PARTIAL_SUCCESS"
	}
	return st
}

var matchRates = []string{"MATCH_RATE_RANGE_UNKNOWN", "MATCH_RATE_RANGE_NOT_ELIGIBLE", "MATCH_RATE_RANGE_LESS_THAN_20",
	"MATCH_RATE_RANGE_20_TO_30", "MATCH_RATE_RANGE_31_TO_40", "MATCH_RATE_RANGE_41_TO_50", "MATCH_RATE_RANGE_51_TO_60",
	"MATCH_RATE_RANGE_61_TO_70", "MATCH_RATE_RANGE_71_TO_80", "MATCH_RATE_RANGE_81_TO_90", "MATCH_RATE_RANGE_91_TO_100"}

// matchRate is Google's range for the share of people it knows. Here it knows
// those with an identifier whose last hexadecimal digit is below 9.
func matchRate(people []lists.Person) string {
	if len(people) == 0 {
		return "MATCH_RATE_RANGE_UNKNOWN"
	}
	known := 0
	for _, p := range people {
		for _, id := range p.Identifiers {
			if c := id[len(id)-1]; c >= '0' && c < '9' {
				known++
				break
			}
		}
	}
	percent := 100 * known / len(people)
	switch {
	case percent < 20:
		return "MATCH_RATE_RANGE_LESS_THAN_20"
	case percent <= 30:
		return "MATCH_RATE_RANGE_20_TO_30"
	}
	return matchRates[(percent-1)/10+1]
}
