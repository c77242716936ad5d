package meta

import (
	"slices"

	"adsteward/internal/platform"
)

// targetingFields are asked for where it is wanted by which lists ad sets go.
const targetingFields = ",targeting"

// targeting reads by which lists an ad set goes; nil where others see it too: it
// names none, or Meta may look beyond them (Advantage+ audience and Advantage
// custom audience, which take lists for suggestions).
func targeting(n node) []platform.Targeting {
	lists := ids(n.list("custom_audiences"))
	if len(lists) == 0 || n.child("targeting_automation").text("advantage_audience") == "1" ||
		n.child("targeting_relaxation_types").text("custom_audience") == "1" {
		return nil
	}
	return []platform.Targeting{{Lists: lists, Without: ids(n.list("excluded_custom_audiences"))}}
}

func ids(nodes []node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.text("id"))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
