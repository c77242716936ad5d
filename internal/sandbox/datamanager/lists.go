package datamanager

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	dm "google.golang.org/api/datamanager/v1"

	"adsteward/internal/sandbox/lists"
)

const maxMembershipDays = 540

// account checks the account in a user list's address.
func (s *server) account(c call) *apiError {
	if !strings.EqualFold(c.PathValue("type"), "GOOGLE_ADS") {
		return invalid("INVALID_FORMAT", "parent", "Only accounts of the type GOOGLE_ADS have user lists here.")
	}
	if c.PathValue("account") != strconv.FormatInt(s.CustomerID, 10) {
		return forbidden()
	}
	return nil
}

func (s *server) resource(l lists.List) *dm.UserList {
	u := &dm.UserList{
		Name:             fmt.Sprintf("accountTypes/GOOGLE_ADS/accounts/%d/userLists/%d", s.CustomerID, l.ID),
		Id:               l.ID,
		DisplayName:      l.Name,
		Description:      l.Description,
		MembershipStatus: "OPEN",
		AccessReason:     "OWNED",
		SizeInfo:         &dm.SizeInfo{},
	}
	if l.MembershipDays > 0 {
		u.MembershipDuration = fmt.Sprintf("%ds", l.MembershipDays*86400)
	}
	if l.Kind != lists.Lookalike {
		n := int64(s.Lists.Size(l.ID))
		u.SizeInfo.DisplayNetworkMembersCount, u.SizeInfo.SearchNetworkMembersCount = n, n
		u.IngestedUserListInfo = &dm.IngestedUserListInfo{UploadKeyTypes: []string{"CONTACT_ID"},
			ContactIdInfo: &dm.ContactIdInfo{DataSourceType: "DATA_SOURCE_TYPE_FIRST_PARTY"}}
	} else {
		u.ReadOnly = true
	}
	return u
}

func (s *server) createList(c call) (any, *apiError) {
	if fail := s.account(c); fail != nil {
		return nil, fail
	}
	var u dm.UserList
	if fail := read(c.body, &u); fail != nil {
		return nil, fail
	}
	if strings.TrimSpace(u.DisplayName) == "" {
		return nil, invalid("REQUIRED_FIELD_MISSING", "user_list.display_name", "Required field is missing.")
	}
	if u.IngestedUserListInfo == nil || !slices.Equal(u.IngestedUserListInfo.UploadKeyTypes, []string{"CONTACT_ID"}) {
		return nil, invalid("REQUIRED_FIELD_MISSING", "user_list.ingested_user_list_info.upload_key_types", "Only lists of the upload key type CONTACT_ID can be made here.")
	}
	days := maxMembershipDays
	if u.MembershipDuration != "" {
		d, err := time.ParseDuration(u.MembershipDuration)
		if err != nil || d <= 0 || d%(24*time.Hour) != 0 || d > maxMembershipDays*24*time.Hour {
			return nil, invalid("INVALID_FORMAT", "user_list.membership_duration", "The duration must be whole days, at most 540.")
		}
		days = int(d / (24 * time.Hour))
	}
	l := lists.List{Name: u.DisplayName, Description: u.Description, Kind: lists.CRM, MembershipDays: days}
	if validateOnly := c.URL.Query().Get("validateOnly"); validateOnly == "true" {
		return &dm.UserList{}, nil
	}
	made, err := s.Lists.Create(l)
	if err != nil {
		return nil, &apiError{http.StatusConflict, "ALREADY_EXISTS", "A user list of that name exists already.", "ALREADY_EXISTS", nil}
	}
	return s.resource(made), nil
}

func (s *server) list(c call) (lists.List, *apiError) {
	if fail := s.account(c); fail != nil {
		return lists.List{}, fail
	}
	id, err := strconv.ParseInt(c.PathValue("list"), 10, 64)
	l, ok := s.Lists.Get(id)
	if err != nil || !ok {
		return l, notFound("User list")
	}
	return l, nil
}

func (s *server) getList(c call) (any, *apiError) {
	l, fail := s.list(c)
	if fail != nil {
		return nil, fail
	}
	return s.resource(l), nil
}

func (s *server) deleteList(c call) (any, *apiError) {
	l, fail := s.list(c)
	if fail != nil {
		return nil, fail
	}
	s.Lists.Delete(l.ID)
	return nil, nil
}

func (s *server) listLists(c call) (any, *apiError) {
	if fail := s.account(c); fail != nil {
		return nil, fail
	}
	q := c.URL.Query()
	match, fail := parseFilter(q.Get("filter"))
	if fail != nil {
		return nil, fail
	}
	size := 50
	if text := q.Get("pageSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, invalid("INVALID_NUMBER_FORMAT", "page_size", "Invalid number format.")
		}
		if n > 0 {
			size = min(n, 1000)
		}
	}
	var all []lists.List
	for _, l := range s.Lists.All() {
		if match(s.resource(l)) {
			all = append(all, l)
		}
	}
	start, err := position(q.Get("pageToken"))
	if err != nil || start > len(all) {
		return nil, invalid("INVALID_FORMAT", "page_token", "The page token is not valid.")
	}
	page := &dm.ListUserListsResponse{}
	for _, l := range all[start:min(start+size, len(all))] {
		page.UserLists = append(page.UserLists, s.resource(l))
	}
	if start+size < len(all) {
		page.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(start + size)))
	}
	return page, nil
}

func position(token string) (int, error) {
	if token == "" {
		return 0, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(b))
}

// condition is one term of a filter: field, operator and a quoted or bare value.
var condition = regexp.MustCompile(`^\s*(\w+)\s*(!=|=|:)\s*("(?:[^"\\]|\\.)*"|[^\s"]+)\s*`)

// parseFilter reads terms joined by AND over the texts of a user list, the part
// of the API's filter language that names lists.
func parseFilter(text string) (func(*dm.UserList) bool, *apiError) {
	type term struct{ field, op, value string }
	var terms []term
	for rest := strings.TrimSpace(text); rest != ""; {
		m := condition.FindStringSubmatch(rest)
		if m == nil {
			return nil, invalid("INVALID_FORMAT", "filter", "The filter cannot be read.")
		}
		value := m[3]
		if unquoted, err := strconv.Unquote(value); err == nil {
			value = unquoted
		}
		field := camel(m[1])
		if !slices.Contains([]string{"id", "displayName", "description", "membershipStatus", "accessReason"}, field) {
			return nil, invalid("INVALID_FORMAT", "filter", "The field cannot be filtered by: "+m[1])
		}
		terms = append(terms, term{field, m[2], value})
		rest = rest[len(m[0]):]
		if rest != "" {
			var ok bool
			if rest, ok = strings.CutPrefix(rest, "AND "); !ok {
				return nil, invalid("INVALID_FORMAT", "filter", "The terms of a filter are joined by AND.")
			}
		}
	}
	return func(u *dm.UserList) bool {
		for _, t := range terms {
			have := map[string]string{"id": strconv.FormatInt(u.Id, 10), "displayName": u.DisplayName, "description": u.Description,
				"membershipStatus": u.MembershipStatus, "accessReason": u.AccessReason}[t.field]
			equal := have == t.value
			if t.op == ":" {
				equal = strings.Contains(have, t.value)
			}
			if equal == (t.op == "!=") {
				return false
			}
		}
		return true
	}, nil
}
