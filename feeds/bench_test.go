package feeds

import (
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"
)

// plainFeed writes n items as shops write them, one attribute a line in XML.
func plainFeed(n int, format string) string {
	names := []string{"id", "title", "description", "link", "image_link", "additional_image_link", "price", "sale_price", "availability", "brand", "gtin",
		"condition", "google_product_category", "product_type", "item_group_id", "color", "size", "custom_label_0", "age_group", "gender"}
	var b strings.Builder
	quote := strings.NewReplacer("&", "&amp;", ">", "&gt;")
	if format == "xml" {
		b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel><title>Shop</title>` + "\n")
	} else {
		b.WriteString(strings.Join(names, format) + "\n")
	}
	for i := range n {
		id := fmt.Sprintf("sku-%07d", i)
		values := []string{id, fmt.Sprintf("Acme running shoe model %d for men", i), "A light shoe with a soft sole for long runs on asphalt and gravel. " +
			"The upper is a knitted fabric that lets air through; the lining is made from recycled yarn. Washable at thirty degrees.",
			"https://shop.example/products/running-shoe-" + id, "https://cdn.shop.example/images/" + id + ".jpg", "https://cdn.shop.example/images/" + id + "-2.jpg",
			fmt.Sprintf("%d.90 EUR", 50+i%100), fmt.Sprintf("%d.90 EUR", 40+i%100), "in_stock", "Acme", gtinOf(id), "new",
			"Apparel & Accessories > Shoes > Athletic Shoes", "Shoes > Running > Men", fmt.Sprintf("group-%d", i/8), "blue", fmt.Sprint(36 + i%8), "margin-high", "adult", "male"}
		if format == "xml" {
			b.WriteString("<item>\n")
			for j, v := range values {
				fmt.Fprintf(&b, "  <g:%s>%s</g:%s>\n", names[j], quote.Replace(v), names[j])
			}
			b.WriteString("</item>\n")
		} else {
			b.WriteString(strings.Join(values, format) + "\n")
		}
	}
	if format == "xml" {
		b.WriteString("</channel></rss>\n")
	}
	return b.String()
}

// cpu is the seconds all processors have worked for this process: what a
// machine that is busy with other things tells more truly than the clock.
func cpu(b *testing.B) float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

// BenchmarkValidate holds feeds against the whole table for both platforms.
func BenchmarkValidate(b *testing.B) {
	const n = 50_000
	for _, f := range []struct{ name, sep string }{{"xml", "xml"}, {"tsv", "\t"}, {"csv", ","}} {
		text := plainFeed(n, f.sep)
		b.Run(f.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			before := cpu(b)
			for b.Loop() {
				issues := 0
				rep, err := Validate(io.NopCloser(strings.NewReader(text)), Options{Platform: "both", Country: "DE"}, func(_ Item, is []Issue) error {
					issues += len(is)
					return nil
				})
				if err != nil || rep.Items != n || rep.Errors != 0 && f.name != "csv" {
					b.Fatal(rep, err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "items/s")
			b.ReportMetric(float64(n)*float64(b.N)/(cpu(b)-before), "items/cpu-s")
		})
	}
}
