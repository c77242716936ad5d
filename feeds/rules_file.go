package feeds

// fileRules are about the feed as a whole, told of by the readers and by what
// is compared across items.
func fileRules() []Rule {
	none := check{}
	return []Rule{
		both("file.truncated", "", Error, "", "export or fetch the feed again, whole", none).from(ownRule),
		both("file.encoding", "", Error, "M063", "save the feed as UTF-8, or name its encoding with --encoding", none),
		both("file.namespace", "", Error, "G152 G153", `write xmlns:g="`+googleNS+`" in the root element`, none),
		both("file.empty", "", Error, "M065", "export the feed again, and keep the last good one until then", none).from("github.com/facebook/facebook-for-woocommerce issue 1462"),
		meta("file.line", "", Error, "M061", "write each item on lines of its own; Meta takes lines up to 5,242,880 bytes", none),
		meta("file.declaration", "", Error, "M062", `begin the file with <?xml version="1.0" encoding="UTF-8"?>`, none),
		both("file.archive", "", Warning, "", "put one file into the archive, or give the files by themselves", none).from(ownRule),
		both("item.broken", "", Error, "", "write & as &amp; and < as &lt;, use no HTML entities, close every element, and quote cells that hold separators or quotes", none).from(ownRule),
		both("item.cells", "", Error, "", "write every cell, also the empty ones, and quote cells that hold the separator", none).from(ownRule),
		both("attribute.unknown", "", Warning, "G154 M067", "write the name as the platform does, or leave the attribute out", none),
		both("attribute.twice", "", Warning, "", "name each column once", none).from(ownRule),
		both("text.control", "", Warning, "", "remove control and private-use characters", none),
		both("text.garbled", "", Warning, "X005", "export the feed again from the source in UTF-8", none).from(ownRule),
		both("id.duplicate", "id", Error, "G002 M002", "give each item an id of its own, or remove the copy", none),
		both("id.case", "id", Warning, "G003 G005", "make ids differ in more than capitals and spaces", none).from(googleHelp + "7495188"),
		both("id.unchecked", "id", Warning, "", "split the feed, so that ids that come twice are found", none).from(ownRule),
		meta("id.group", "id", Warning, "", "give the group an id that no item has", none).as("meta_id_conflicts_group_id"),
		google("gtin.duplicate", "gtin", Warning, "G079", "give each product its own gtin, and each gtin one id", none).as("item_duplicate_by_gtin"),
		google("item_group_id.same", "item_group_id", Error, "G100", "tell variants apart by color, size, pattern, material, age_group, gender or variant_option", none),
		both("item_group_id.uneven", "item_group_id", Warning, "M023", "fill the same variant attributes on every item of the group", none),
		google("item_group_title.differs", "item_group_title", Warning, "G101", "give every item of the group the same item_group_title", none),
		google("custom_label.values", "custom_label", Error, "G117 G118 G119 G120 G121", "use at most 1,000 different values for a label", none),
		both("brand.constant", "brand", Warning, "X007", "give each item its own maker's brand", none).from(ownRule),
		both("google_product_category.constant", "google_product_category", Warning, "X007", "give each item the category it belongs to", none).from(ownRule),

		beyond("file.schedule", "", "meta", Warning, "M066", "the account", "fetch the feed at most once an hour"),
		beyond("file.collapse", "", "both", Error, "X003", "an earlier feed", "keep the last good feed until the export is right again"),
	}
}
