package meta

import (
	"net/http"
	"strconv"
	"strings"

	"adsteward/internal/sandbox/catalog"
)

// catalogNode answers the product catalog, the list of its items, and what is
// wrong in it altogether.
func (s *server) catalogNode(req request, edge string) (any, *graphError) {
	if req.method != http.MethodGet {
		return nil, unknownObject(req.method, strings.Join(req.path, "/"))
	}
	items, err := s.Items()
	if err != nil {
		return nil, &graphError{status: http.StatusInternalServerError, Code: 1, Type: "OAuthException", Message: err.Error()}
	}
	switch edge {
	case "":
		return node(req, object{kind: "ProductCatalog", values: map[string]any{"id": s.CatalogID, "name": "Products", "product_count": len(items)}})
	case "products":
		return page(req, len(items), func(i int) object { return itemObject(i, items[i]) }, "id,retailer_id,name")
	case "diagnostics":
		groups := diagnostics(items)
		return page(req, len(groups), func(i int) object { return groups[i] }, "type,severity,title,number_of_affected_items")
	}
	return nil, unknownObject(req.method, strings.Join(req.path, "/"))
}

func itemObject(at int, it catalog.Item) object {
	review := "approved"
	switch {
	case it.Pending:
		review = "pending"
	case it.Refused():
		review = "rejected"
	}
	values := map[string]any{"id": strconv.Itoa(7_000_000_000_000_000 + at), "retailer_id": it.ID, "name": it.Title, "review_status": review}
	errors := []any{}
	for _, i := range it.Issues {
		priority := "LOW"
		if i.Error {
			priority = "HIGH"
		}
		errors = append(errors, map[string]any{"title": i.Title, "description": i.Title, "error_type": i.Code, "error_priority": priority})
	}
	if len(errors) > 0 {
		values["errors"] = errors
	}
	return object{kind: "ProductItem", values: values, known: "errors availability price url image_url brand gtin visibility review_rejection_reasons"}
}

// diagnostics are groups of one type and severity, as many as there are issues of.
func diagnostics(items []catalog.Item) (out []object) {
	type key struct{ kind, severity string }
	counts := map[key]int{}
	var order []key
	for _, it := range items {
		for _, i := range it.Issues {
			k := key{groupOf(i), "OPPORTUNITY"}
			if i.Error {
				k.severity = "MUST_FIX"
			}
			if counts[k] == 0 {
				order = append(order, k)
			}
			counts[k]++
		}
	}
	for _, k := range order {
		out = append(out, object{kind: "ProductCatalogDiagnosticGroup", values: map[string]any{"type": k.kind, "severity": k.severity,
			"title": "Some items need a look", "number_of_affected_items": counts[k], "affected_entity": "product_item"},
			known: "subtitle error_code diagnostics affected_channels affected_features number_of_affected_entities"})
	}
	return out
}

func groupOf(i catalog.Issue) string {
	switch {
	case strings.HasPrefix(i.Code, "EMPTY_"):
		return "ATTRIBUTES_MISSING"
	case strings.HasPrefix(i.Code, "IMAGE_"):
		return "IMAGE_QUALITY"
	}
	return "ATTRIBUTES_INVALID"
}
