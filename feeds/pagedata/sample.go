package pagedata

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"

	"adsteward/feeds"
)

// Sampler draws items from a feed as it is read: those with the lowest hashes
// of id and seed, so that the same feed and seed give the same sample whatever
// the order, and all that are wanted by id. It holds no more than these.
type Sampler struct {
	size   int
	seed   uint64
	drawn  drawn
	wanted map[string]bool // by id in small letters, as Google Ads writes them; true once it was seen
	always []feeds.Item
}

// NewSampler draws size items, and those of the ids.
func NewSampler(size int, seed uint64, ids []string) *Sampler {
	s := &Sampler{size: max(size, 0), seed: seed, wanted: make(map[string]bool, len(ids))}
	for _, id := range ids {
		s.wanted[strings.ToLower(id)] = false
	}
	return s
}

// Add looks at the next item. Items without id or link have no page to look at.
func (s *Sampler) Add(it feeds.Item) {
	if it.ID == "" {
		return
	}
	if seen, ok := s.wanted[strings.ToLower(it.ID)]; ok {
		s.wanted[strings.ToLower(it.ID)] = true
		if !seen && it.Link != "" {
			s.always = append(s.always, it)
		}
		return
	}
	if it.Link == "" || s.size == 0 {
		return
	}
	d := draw{hash(s.seed, it.ID), it}
	switch {
	case len(s.drawn) < s.size:
		heap.Push(&s.drawn, d)
	case d.compare(s.drawn[0]) < 0:
		s.drawn[0] = d
		heap.Fix(&s.drawn, 0)
	}
}

// Items returns the sample in the feed's order.
func (s *Sampler) Items() []feeds.Item {
	out := slices.Clone(s.always)
	for _, d := range s.drawn {
		out = append(out, d.item)
	}
	slices.SortStableFunc(out, func(a, b feeds.Item) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.ID, b.ID)) })
	return out
}

// Absent lists the wanted ids that the feed does not have.
func (s *Sampler) Absent() (ids []string) {
	for id, seen := range s.wanted {
		if !seen {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

type draw struct {
	hash uint64
	item feeds.Item
}

func (d draw) compare(o draw) int {
	return cmp.Or(cmp.Compare(d.hash, o.hash), cmp.Compare(d.item.ID, o.item.ID))
}

// drawn is a heap with the highest hash on top.
type drawn []draw

func (h drawn) Len() int           { return len(h) }
func (h drawn) Less(i, j int) bool { return h[i].compare(h[j]) > 0 }
func (h drawn) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *drawn) Push(x any)        { *h = append(*h, x.(draw)) }
func (h *drawn) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// hash is FNV-1a of the id, begun with the seed and mixed at the end as
// SplitMix64 does, so that ids that differ in their last digit lie far apart.
func hash(seed uint64, id string) uint64 {
	h := seed ^ 14695981039346656037
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
