package feeds

import (
	"fmt"
	"slices"
	"strings"
)

// linkRules are about addresses of pages, images and films. None is opened.
func linkRules() []Rule {
	rules := []Rule{
		both("link.required", "link", Error, "G016 M014", "give the address of the product's page", once(missing)),
		both("link.url", "link", Error, "G016 M014", "write a whole address, as https://shop.example/product", alone(webAddress)),
		meta("link.facebook", "link", Error, "M014", "give the page of your own shop", alone(facebookLink)),
		both("image_link.required", "image_link", Error, "G018 M015", "give the address of the main image", once(missing)),
		both("image_link.url", "image_link", Error, "G018", "write a whole address, as https://shop.example/image.jpg", alone(webAddress)),
		google("image_link.format", "image_link", Error, "G019", "use JPEG, WebP, PNG, GIF, BMP or TIFF", alone(imageFormat)),
		both("additional_image_link.url", "additional_image_link", Warning, "G024", "write a whole address, as https://shop.example/image.jpg", alone(webAddresses)),
		google("additional_image_link.count", "additional_image_link", Error, "G024", "give at most 10 further images", first(images(10))).as("attribute_has_too_many_values"),
		meta("additional_image_link.count", "additional_image_link", Error, "M025", "give at most 20 further images", first(images(20))),
		google("ads_redirect.site", "ads_redirect", Error, "G116", "lead to the site of link", each(redirectSite)),
		google("ads_redirect.url", "ads_redirect", Error, "G116", "write a whole address", alone(webAddress)),
		google("mobile_link.url", "mobile_link", Error, "G027", "write a whole address, as https://m.shop.example/product", alone(webAddress)),
		google("lifestyle_image_link.url", "lifestyle_image_link", Warning, "G028", "write a whole address", alone(webAddress)),
		google("video_link.url", "video_link", Warning, "G025", "write a whole address, commas as %2C", alone(webAddress)),
		meta("video.url", "video.url", Warning, "M049", "give the address of the film itself, .mp4, .mov or .avi", alone(webAddress)),
		google("virtual_model_link.url", "virtual_model_link", Warning, "G026", "give the address of a .gltf or .glb file", each(ending(".gltf", ".glb"))),
		google("document_link.url", "document_link", Warning, "G030", "give the address of a .pdf file", each(ending(".pdf"))),
		google("document_link.count", "document_link", Warning, "G030", "give at most 5 documents", first(more(5))),
		meta("applink.package", "applink.android_url", Warning, "M054", "name the android_package as well", first(appPackage)),

		beyond("link.page", "link", "google", Warning, "G017", "the page", "put no page before the product's"),
		beyond("image_link.size", "image_link", "both", Warning, "G020 G021 M015", "the image", "use images of 500 x 500 pixels or more and at most 8 MB"),
		beyond("image_link.overlay", "image_link", "google", Error, "G022", "the image", "show the product alone, without text, watermark or border"),
		beyond("image_link.generated", "image_link", "google", Warning, "G023", "the image", "keep the IPTC mark of images made by a machine"),
	}
	for _, name := range []string{"link", "image_link", "mobile_link"} {
		rows := "X004"
		rules = append(rules, google(name+".length", name, Error, map[string]string{"link": "G016", "image_link": "G018", "mobile_link": "G027"}[name],
			"shorten the address to 2,000 characters", within(2000)))
		rules = append(rules, both(name+".encoding", name, Warning, rows, "encode white space and letters beyond ASCII as %20 and the like", only(hasHigh|hasSpace|hasMarkup, encoded)))
	}
	return rules
}

func facebookLink(_ *checker, _ *record, c *cell) string {
	host, _ := hostOf(c.value)
	for _, f := range []string{"facebook.com", "fb.com", "instagram.com"} {
		if n := len(host) - len(f); n >= 0 && strings.EqualFold(host[n:], f) && (n == 0 || host[n-1] == '.') {
			return "leads to Facebook"
		}
	}
	return ""
}

// ending wants an address whose path ends so.
func ending(suffixes ...string) checkFunc {
	return func(k *checker, r *record, c *cell) string {
		if what := webAddress(k, r, c); what != "" {
			return what
		}
		path, _, _ := strings.Cut(strings.ToLower(c.value), "?")
		if !slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(path, s) }) {
			return "the file is not of a kind that is taken"
		}
		return ""
	}
}

// imageFormat finds file names of other kinds of files; addresses without one
// may be anything.
func imageFormat(_ *checker, _ *record, c *cell) string {
	path := c.value
	if i := strings.IndexAny(path, "?#"); i >= 0 {
		path = path[:i]
	}
	dot := strings.LastIndexByte(path, '.')
	if dot < len(path)-5 || dot < 0 {
		return ""
	}
	switch strings.ToLower(path[dot:]) {
	case ".svg", ".svgz", ".pdf", ".mp4", ".mov", ".html", ".htm", ".avif", ".heic", ".psd", ".eps", ".ai":
		return "the file name is not that of a kind of image that is taken"
	}
	return ""
}

// isImageList tells values that may be lists.
func isImageList(s string) bool {
	for i := range len(s) {
		if listMarks[s[i]] {
			return true
		}
	}
	return false
}

// listMarks stand between the addresses of a list.
var listMarks = [256]bool{',': true, ';': true, '|': true, ' ': true}

// imageList takes apart Meta's lists of several addresses in one value.
func imageList(s string) []string {
	var out []string
	for _, p := range strings.FieldsFunc(s, func(r rune) bool { return r < 256 && listMarks[r] }) {
		if len(out) > 0 && !strings.Contains(p, "//") { // the separator is part of an address
			out[len(out)-1] += "," + p
			continue
		}
		out = append(out, p)
	}
	return out
}

func webAddresses(k *checker, r *record, c *cell) string {
	if !isImageList(c.value) {
		return webAddress(k, r, c)
	}
	for _, a := range imageList(c.value) {
		if !isWebAddress(a, traitsOf(a)) {
			return "holds what is no address that begins with http:// or https://"
		}
		if len(a) > 2000 {
			return "an address is longer than 2,000 characters"
		}
	}
	return ""
}

func images(limit int) checkFunc {
	return func(_ *checker, r *record, c *cell) string {
		n := 0
		for i := range r.cells {
			switch x := &r.cells[i]; {
			case x.name != aAdditionalImageLink || x.value == "":
			case isImageList(x.value):
				n += len(imageList(x.value))
			default:
				n++
			}
		}
		if n > limit {
			return fmt.Sprintf("has %d images; the limit is %d", n, limit)
		}
		return ""
	}
}

func redirectSite(_ *checker, r *record, c *cell) string {
	if link := r.get(aLink); link != "" && site(c.value) != "" && !sameSite(link, c.value) {
		return "leads to another site than link"
	}
	return ""
}

func appPackage(_ *checker, r *record, c *cell) string {
	if !r.has(aAppLinkAndroidPackage) {
		return "there is no applink.android_package"
	}
	return ""
}
