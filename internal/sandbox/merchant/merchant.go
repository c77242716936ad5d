// Package merchant emulates the part of Google's Merchant API that lists the
// products of one Merchant Center account with their statuses, over REST.
package merchant

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/api/merchantapi/products/v1"

	"adsteward/internal/sandbox/catalog"
	"adsteward/internal/sandbox/faults"
)

// Options says what the emulator serves; all but Faults are required.
type Options struct {
	AccountID string // of Merchant Center
	Country   string // where the products are sold
	Faults    *faults.Table
	// AccessTokens says whether a bearer token is valid.
	AccessTokens func(token string) bool
	// Items returns the products as they are judged now.
	Items func() ([]catalog.Item, error)
}

// Pattern is what the emulator answers, of the host's addresses.
const Pattern = "/products/v1/"

const defaultPage, maxPage = 25, 1000

// New returns the emulated API.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Pattern+"accounts/{account}/products", o.list)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "NOT_FOUND", "Method not found.")
	})
	return mux
}

func (o Options) list(w http.ResponseWriter, r *http.Request) {
	if rule, faulty := o.Faults.Next("merchant", r.Method+" "+r.URL.Path); faulty {
		switch rule.Kind {
		case faults.RateLimit:
			refuse(w, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "Too many requests.")
			return
		case faults.Unavailable:
			refuse(w, http.StatusServiceUnavailable, "UNAVAILABLE", "The service is currently unavailable.")
			return
		case faults.ExpiredToken:
			refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
			return
		}
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || !o.AccessTokens(token) {
		refuse(w, http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
		return
	}
	if r.PathValue("account") != o.AccountID {
		refuse(w, http.StatusForbidden, "PERMISSION_DENIED", "The caller does not have access to the accounts: ["+r.PathValue("account")+"]")
		return
	}
	size, start := defaultPage, 0
	if text := r.URL.Query().Get("pageSize"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "pageSize must not be negative.")
			return
		}
		if n > 0 {
			size = min(n, maxPage)
		}
	}
	if text := r.URL.Query().Get("pageToken"); text != "" {
		raw, err := base64.RawURLEncoding.DecodeString(text)
		if err == nil {
			start, err = strconv.Atoi(string(raw))
		}
		if err != nil || start < 0 {
			refuse(w, http.StatusBadRequest, "INVALID_ARGUMENT", "The page token is not valid.")
			return
		}
	}
	items, err := o.Items()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "INTERNAL", err.Error())
		return
	}
	start = min(start, len(items))
	end := min(start+size, len(items))
	answer := merchantapi.ListProductsResponse{}
	for _, it := range items[start:end] {
		answer.Products = append(answer.Products, o.product(it))
	}
	if end < len(items) {
		answer.NextPageToken = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	write(w, http.StatusOK, answer)
}

func (o Options) product(it catalog.Item) *merchantapi.Product {
	s := &merchantapi.ProductStatus{}
	here := []string{o.Country}
	for _, where := range []string{"SHOPPING_ADS", "FREE_LISTINGS"} {
		d := &merchantapi.DestinationStatus{ReportingContext: where}
		switch {
		case it.Pending:
			d.PendingCountries = here
		case it.Refused():
			d.DisapprovedCountries = here
		default:
			d.ApprovedCountries = here
		}
		s.DestinationStatuses = append(s.DestinationStatuses, d)
		for _, i := range it.Issues {
			severity := "NOT_IMPACTED"
			if i.Error {
				severity = "DISAPPROVED"
			}
			s.ItemLevelIssues = append(s.ItemLevelIssues, &merchantapi.ItemLevelIssue{Code: i.Code, Severity: severity, Resolution: "merchant_action",
				Attribute: strings.ReplaceAll(i.Attribute, "_", " "), ReportingContext: where, Description: i.Title, ApplicableCountries: here})
		}
	}
	return &merchantapi.Product{Name: "accounts/" + o.AccountID + "/products/en~" + o.Country + "~" + it.ID, OfferId: it.ID,
		ContentLanguage: "en", FeedLabel: o.Country, ProductAttributes: &merchantapi.ProductAttributes{Title: it.Title}, ProductStatus: s}
}

func refuse(w http.ResponseWriter, code int, status, message string) {
	write(w, code, map[string]any{"error": map[string]any{"code": code, "status": status, "message": message}})
}

func write(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	data, err := json.Marshal(v)
	if err != nil { // every answer is made of texts and numbers
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(code)
	w.Write(data)
}
