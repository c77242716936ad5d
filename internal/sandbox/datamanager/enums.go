package datamanager

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// enums holds, by the JSON name of the field, the names of the API's enums in
// the order of their numbers.
func enums(field string) []string {
	switch field {
	case "encoding":
		return []string{"ENCODING_UNSPECIFIED", "HEX", "BASE64"}
	case "adUserData", "adPersonalization":
		return []string{"CONSENT_STATUS_UNSPECIFIED", "CONSENT_GRANTED", "CONSENT_DENIED"}
	case "customerMatchTermsOfServiceStatus":
		return []string{"TERMS_OF_SERVICE_STATUS_UNSPECIFIED", "ACCEPTED", "REJECTED"}
	case "accountType", "product":
		return []string{"ACCOUNT_TYPE_UNSPECIFIED", "GOOGLE_ADS", "DISPLAY_VIDEO_PARTNER", "DISPLAY_VIDEO_ADVERTISER", "DATA_PARTNER",
			"GOOGLE_ANALYTICS_PROPERTY", "GOOGLE_AD_MANAGER_AUDIENCE_LINK", "FLOODLIGHT_CONFIG"}
	case "requestStatus":
		return []string{"REQUEST_STATUS_UNKNOWN", "SUCCESS", "PROCESSING", "FAILED", "PARTIAL_SUCCESS"}
	case "uploadMatchRateRange":
		return matchRates
	case "membershipStatus":
		return []string{"MEMBERSHIP_STATUS_UNSPECIFIED", "OPEN", "CLOSED"}
	case "accessReason":
		return []string{"ACCESS_REASON_UNSPECIFIED", "OWNED", "SHARED", "LICENSED", "SUBSCRIBED", "AFFILIATED"}
	case "uploadKeyTypes":
		return []string{"UPLOAD_KEY_TYPE_UNSPECIFIED", "CONTACT_ID", "MOBILE_ID", "USER_ID", "PAIR_ID", "PSEUDONYMOUS_ID"}
	case "dataSourceType":
		return []string{"DATA_SOURCE_TYPE_UNSPECIFIED", "DATA_SOURCE_TYPE_FIRST_PARTY", "DATA_SOURCE_TYPE_THIRD_PARTY_CREDIT_BUREAU",
			"DATA_SOURCE_TYPE_THIRD_PARTY_VOTER_FILE", "DATA_SOURCE_TYPE_THIRD_PARTY_PARTNER_DATA"}
	case "reason": // of an error count; those that are made here, with Google's numbers
		return []string{"PROCESSING_ERROR_REASON_UNSPECIFIED", "PROCESSING_ERROR_REASON_INVALID_CUSTOM_VARIABLE",
			"PROCESSING_ERROR_REASON_CUSTOM_VARIABLE_NOT_ENABLED", eventTooOld, deniedConsent}
	case "eventSource":
		return []string{"EVENT_SOURCE_UNSPECIFIED", "WEB", "APP", "IN_STORE", "PHONE", "OTHER", "MESSAGE"}
	case "customerType":
		return []string{"CUSTOMER_TYPE_UNSPECIFIED", "NEW", "RETURNING", "REENGAGED"}
	case "customerValueBucket":
		return []string{"CUSTOMER_VALUE_BUCKET_UNSPECIFIED", "LOW", "MEDIUM", "HIGH"}
	}
	return nil
}

const (
	deniedConsent = "PROCESSING_ERROR_REASON_DENIED_CONSENT"
	eventTooOld   = "PROCESSING_ERROR_REASON_EVENT_TOO_OLD"
)

// read reads a request's body into one of the API's structs. As protocol
// buffers' JSON does, it takes field names in camel or snake case and enums as
// names or numbers, and refuses names it does not know.
func read(body []byte, into any) *apiError {
	if len(bytes.TrimSpace(body)) == 0 {
		body = []byte("{}")
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return invalid("INVALID_FORMAT", "", "Invalid JSON payload received.")
	}
	tree, fail := normalized(tree, "")
	if fail != nil {
		return fail
	}
	data, err := json.Marshal(tree)
	if err != nil {
		return invalid("INVALID_FORMAT", "", "Invalid JSON payload received.")
	}
	d = json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid("INVALID_FORMAT", "", "Invalid JSON payload received. "+strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

func normalized(v any, field string) (any, *apiError) {
	names := enums(field)
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, child := range v {
			key = camel(key)
			var fail *apiError
			if out[key], fail = normalized(child, key); fail != nil {
				return nil, fail
			}
		}
		return out, nil
	case []any:
		for i := range v {
			var fail *apiError
			if v[i], fail = normalized(v[i], field); fail != nil {
				return nil, fail
			}
		}
		return v, nil
	case json.Number:
		if names == nil {
			if field == "id" { // 64-bit numbers are texts in this JSON, and taken as numbers too
				return v.String(), nil
			}
			return v, nil
		}
		i, err := v.Int64()
		if err != nil || i < 0 || int(i) >= len(names) {
			return nil, invalid("INVALID_ENUM_VALUE", snake(field), fmt.Sprintf("Enum value cannot be used: %s.", v))
		}
		return names[i], nil
	case string:
		if names == nil {
			return v, nil
		}
		for _, name := range names {
			if name == v {
				return v, nil
			}
		}
		return nil, invalid("INVALID_ENUM_VALUE", snake(field), fmt.Sprintf("Enum value cannot be used: %q.", v))
	}
	return v, nil
}

func camel(s string) string {
	if !strings.Contains(s, "_") {
		return s
	}
	parts := strings.Split(s, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	return strings.Join(parts, "")
}

func snake(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// enumsToNumbers rewrites an answer for clients that want their enums so.
func enumsToNumbers(data []byte) ([]byte, error) {
	var tree any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	return json.Marshal(numbered(tree, ""))
}

func numbered(v any, field string) any {
	switch v := v.(type) {
	case map[string]any:
		for key, child := range v {
			v[key] = numbered(child, key)
		}
	case []any:
		for i := range v {
			v[i] = numbered(v[i], field)
		}
	case string:
		for i, name := range enums(field) {
			if name == v {
				return i
			}
		}
	}
	return v
}
