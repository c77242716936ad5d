package audiences

import (
	"slices"
	"strings"
)

// Part is the people who are on at least one of Lists and on none of Without.
type Part struct{ Lists, Without []string }

// Reach is whom a campaign is shown to, as far as lists say: the people of any
// of its parts.
type Reach []Part

// includes reports whether a person on exactly these lists is reached.
func (r Reach) includes(on []string) bool {
	anyOf := func(lists []string) bool {
		return slices.ContainsFunc(lists, func(l string) bool { return slices.Contains(on, l) })
	}
	return slices.ContainsFunc(r, func(p Part) bool { return anyOf(p.Lists) && !anyOf(p.Without) })
}

// Census counts people by the lists they are on: all that is needed of them to
// tell how far audiences overlap, however many they are.
type Census struct {
	known map[string]bool
	cells map[string]*cell
}

// cell is the people who are on exactly the same lists.
type cell struct {
	lists  []string
	people int
}

// NewCensus returns a census of the lists whose members are known; of any other
// list it cannot be said who is on it.
func NewCensus(lists ...string) *Census {
	c := &Census{known: map[string]bool{}, cells: map[string]*cell{}}
	for _, l := range lists {
		c.known[l] = true
	}
	return c
}

// Add counts one person, who is on all of these lists and on no other that is
// known.
func (c *Census) Add(lists []string) {
	on := slices.DeleteFunc(slices.Clone(lists), func(l string) bool { return !c.known[l] })
	slices.Sort(on)
	on = slices.Compact(on)
	key := strings.Join(on, "\n")
	if c.cells[key] == nil {
		c.cells[key] = &cell{lists: on}
	}
	c.cells[key].people++
}

// Knows reports whether the census can say who is reached: there is a list, and
// the members of every list that is named are known.
func (c *Census) Knows(r Reach) bool {
	unknown := func(l string) bool { return !c.known[l] }
	return len(r) > 0 && !slices.ContainsFunc(r, func(p Part) bool {
		return len(p.Lists) == 0 || slices.ContainsFunc(p.Lists, unknown) || slices.ContainsFunc(p.Without, unknown)
	})
}

// Size is how many people are reached; of a reach that the census does not know
// it says nothing.
func (c *Census) Size(r Reach) int { return c.count(r.includes) }

// Both is how many people are reached by both.
func (c *Census) Both(a, b Reach) int {
	return c.count(func(on []string) bool { return a.includes(on) && b.includes(on) })
}

func (c *Census) count(in func(lists []string) bool) int {
	n := 0
	for _, x := range c.cells {
		if in(x.lists) {
			n += x.people
		}
	}
	return n
}

// OverlapShare is the share of the smaller of two audiences that is in both, the
// overlap coefficient |A and B| / min(|A|, |B|) of Szymkiewicz and Simpson; 0
// where one of them is empty.
func OverlapShare(both, a, b int) float64 {
	if smaller := min(a, b); smaller > 0 {
		return float64(both) / float64(smaller)
	}
	return 0
}
