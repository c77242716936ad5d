package feeds

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Taxonomy is Google's list of product categories, by number and by path. It is
// not part of the program; without one, categories are checked by form only.
type Taxonomy struct {
	paths map[string]string // number -> path
	known map[string]bool   // path in lower case
}

// ReadTaxonomy reads Google's file taxonomy-with-ids: lines of "number - path",
// where # begins a comment.
func ReadTaxonomy(r io.Reader) (*Taxonomy, error) {
	t := &Taxonomy{paths: map[string]string{}, known: map[string]bool{}}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		number, path, ok := strings.Cut(lines.Text(), " - ")
		if number = strings.TrimSpace(number); ok && isDigits(number) {
			path = strings.TrimSpace(path)
			t.paths[number], t.known[strings.ToLower(path)] = path, true
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(t.paths) == 0 {
		return nil, errors.New("this is no taxonomy: its lines should read as 166 - Apparel & Accessories; use Google's taxonomy-with-ids file")
	}
	return t, nil
}

// categoryForm wants a number or a path of the taxonomy.
func categoryForm(k *checker, _ *record, c *cell) string {
	v := c.value
	if isDigits(v) {
		n, err := strconv.Atoi(v)
		if err != nil || n == 0 || n > 999_999 {
			return "this is no category number"
		}
		if k.taxonomy != nil && k.taxonomy.paths[v] == "" {
			return "the taxonomy has no category of this number"
		}
		return ""
	}
	if number, _, ok := strings.Cut(v, " - "); ok && isDigits(number) {
		return "gives number and path; only one of them is taken"
	}
	if v[0] >= '0' && v[0] <= '9' && strings.Contains(v, ",") && isDigits(strings.ReplaceAll(strings.ReplaceAll(v, ",", ""), " ", "")) {
		return "names several categories; only one is taken"
	}
	if hasEmptyLevel(v) {
		return "a level of the path is empty"
	}
	if k.taxonomy != nil && !k.taxonomy.known[strings.ToLower(v)] {
		return "the taxonomy has no category of this path"
	}
	return ""
}

// hasEmptyLevel finds "A > > B" and paths that begin or end with >.
func hasEmptyLevel(path string) bool {
	empty := true
	for i := range len(path) {
		switch path[i] {
		case '>':
			if empty {
				return true
			}
			empty = true
		case ' ':
		default:
			empty = false
		}
	}
	return empty
}

// categoryPath is the category's path where it can be known, else "".
func (k *checker) categoryPath(r *record) string {
	v := r.get(aCategory)
	if k.taxonomy != nil && isDigits(v) {
		return k.taxonomy.paths[v]
	}
	return v
}

// inCategory tells whether the item lies in a category of the taxonomy, given
// by number and path. Without a taxonomy, numbers below it are not known.
func (k *checker) inCategory(r *record, number, path string) bool {
	v := r.get(aCategory)
	if v == "" {
		return false
	}
	if v == number {
		return true
	}
	p := k.categoryPath(r)
	return len(p) >= len(path) && strings.EqualFold(p[:len(path)], path)
}

func (k *checker) isApparel(r *record) bool {
	return k.inCategory(r, "166", "Apparel & Accessories") || r.get(aCategory) == "1604" || r.get(aCategory) == "187"
}

// isMedia tells films, books and music, which have no brand.
func (k *checker) isMedia(r *record) bool {
	g := r.get(aGTIN)
	return k.inCategory(r, "783", "Media") || r.get(aCategory) == "784" || r.get(aCategory) == "839" || r.get(aCategory) == "855" ||
		strings.HasPrefix(g, "978") || strings.HasPrefix(g, "979")
}
