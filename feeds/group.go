package feeds

import "strings"

// The attributes by whose values items form product groups, as the feeds call them.
const (
	GroupByItemGroup   = "item_group_id" // the variants of one product
	GroupByProductType = "product_type"  // each level of the path
	GroupByBrand       = "brand"
)

// On reports whether a feed for the platform has the item.
func (o *Offer) On(platform string) bool {
	return platform == "google" && o.OnGoogle || platform == "meta" && o.OnMeta
}

// Groups names the product groups the item belongs to as attribute=value: its
// variants, every level of its product type ("Shoes", then "Shoes > Running") and
// its brand. Values are compared as written, but for the white space around them.
func (o *Offer) Groups() []string {
	var out []string
	if v := strings.TrimSpace(o.ItemGroup); v != "" {
		out = append(out, GroupByItemGroup+"="+v)
	}
	path := GroupByProductType + "="
	for i, level := range strings.Split(o.ProductType, ">") {
		if level = strings.TrimSpace(level); level == "" {
			break // a path with a hole means nothing below it
		}
		if i > 0 {
			path += " > "
		}
		path += level
		out = append(out, path)
	}
	if v := strings.TrimSpace(o.Brand); v != "" {
		out = append(out, GroupByBrand+"="+v)
	}
	return out
}

// InGroups lists the ids of a platform's items that belong to one of the product
// groups, with one such group each.
func InGroups(offers []Offer, platform string, groups map[string]bool) map[string]string {
	out := map[string]string{}
	if len(groups) == 0 {
		return out
	}
	for i := range offers {
		if o := &offers[i]; o.On(platform) {
			for _, g := range o.Groups() {
				if groups[g] {
					out[o.ID] = g
					break
				}
			}
		}
	}
	return out
}
