package feeds

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/money"
)

func TestProductGroupsOfAnItem(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		offer Offer
		want  []string
	}{
		{Offer{}, nil},
		{Offer{ItemGroup: " G1 ", ProductType: "Shoes>Running  > Trail", Brand: "Acme"},
			[]string{"item_group_id=G1", "product_type=Shoes", "product_type=Shoes > Running", "product_type=Shoes > Running > Trail", "brand=Acme"}},
		{Offer{ProductType: "Shoes > > Trail"}, []string{"product_type=Shoes"}},
		{Offer{ProductType: " > Shoes", Brand: " "}, nil},
		{Offer{Brand: "A = B > C"}, []string{"brand=A = B > C"}},
	} {
		if got := c.offer.Groups(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.offer, got, c.want)
		}
	}
}

// A group's items are those of the platform's own feeds, and a level of a product
// type holds all below it but nothing that only begins alike.
func TestItemsOfProductGroups(t *testing.T) {
	t.Parallel()
	offers := []Offer{{ID: "a", OnGoogle: true, ProductType: "Shoes > Running"}, {ID: "b", OnMeta: true, ProductType: "Shoes"}, {ID: "c", OnGoogle: true, ProductType: "Shoes care"},
		{ID: "d", OnGoogle: true, OnMeta: true, Brand: "Acme", ProductType: "Shoes"}}
	groups := map[string]bool{"product_type=Shoes": true, "brand=Acme": true, "brand=None": true}
	if d := cmp.Diff(map[string]string{"a": "product_type=Shoes", "d": "product_type=Shoes"}, InGroups(offers, "google", groups)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]string{"b": "product_type=Shoes", "d": "product_type=Shoes"}, InGroups(offers, "meta", groups)); d != "" {
		t.Error(d)
	}
	if got := InGroups(offers, "google", nil); len(got) != 0 {
		t.Error(got)
	}
	for _, it := range PerItem(offers, []ItemSpend{{Platform: "google", ItemID: "A", Cost: money.One}, {Platform: "meta", ItemID: "a", Cost: money.One}}) {
		if want := it.Platform == "google"; (len(it.Groups) == 2) != want {
			t.Errorf("on %s: %q", it.Platform, it.Groups)
		}
	}
}
