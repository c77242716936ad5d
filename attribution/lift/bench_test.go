package lift

import "testing"

// BenchmarkPublishedGeoExperiment analyses the published experiment of 100 regions
// by all methods, each with a placebo test of 499 permutations, and reports the
// return each finds; published: gbr 3.2334, tbr 2.94674.
func BenchmarkPublishedGeoExperiment(b *testing.B) {
	g := published(b)
	found := map[Method]float64{}
	for b.Loop() {
		for _, m := range Methods() {
			r, err := g.Analyse(m, 0.95)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := g.Placebo(m, nil, 499, 1); err != nil {
				b.Fatal(err)
			}
			found[m] = r.IROAS.Value
		}
	}
	for m, v := range found {
		b.ReportMetric(v, string(m)+"-iroas")
	}
}
