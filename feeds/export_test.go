package feeds

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adsteward/internal/money"
)

func export(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "exports", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func euros(cents int64) Price { return Price{money.Micros(cents * 10_000), "EUR"} }

func inStock(n int64) *int64 { return &n }

// validated lists a feed's items, and its errors by line.
func validated(t *testing.T, text string, o Options) (items []Item, errs []string) {
	t.Helper()
	if _, err := Validate(strings.NewReader(text), o, func(it Item, issues []Issue) error {
		if it.Line > 0 {
			items = append(items, it)
		}
		for _, i := range issues {
			if i.Severity == Error {
				errs = append(errs, fmt.Sprintf("%d %s %s", i.Line, i.ItemID, i.Rule))
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return items, errs
}

// TestShopify reads both generations of Shopify's columns.
func TestShopify(t *testing.T) {
	t.Parallel()
	o := Options{Platform: "both", Currency: "eur", ShopURL: "https://shop.example/"}
	items, errs := validated(t, export(t, "shopify.csv"), o)
	want := []Item{
		{Line: 2, ID: "SHIRT-S", Title: "Linen shirt", Link: "https://shop.example/products/linen-shirt", Price: euros(4990), SalePrice: euros(3990), CostOfGoodsSold: euros(1250), Availability: "in_stock", Stock: inStock(3),
			ProductType: "Shirts", Brand: "Acme", ItemGroupID: "linen-shirt", CustomLabels: [5]string{"summer"}},
		{Line: 4, ID: "SHIRT-M", Title: "Linen shirt", Link: "https://shop.example/products/linen-shirt", Price: euros(4990), CostOfGoodsSold: euros(1300), Availability: "out_of_stock", Stock: inStock(0),
			ProductType: "Shirts", Brand: "Acme", ItemGroupID: "linen-shirt", CustomLabels: [5]string{"summer"}},
		{Line: 6, ID: "mug", Title: "Mug", Link: "https://shop.example/products/mug", Price: euros(990), Availability: "in_stock", Brand: "Acme"},
		{Line: 8, ID: "LAMP", Title: "Lamp", Link: "https://shop.example/products/lamp", Availability: "in_stock", Brand: "Acme"},
	}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"8 LAMP price.required", "8 LAMP image_link.required"} {
		if !strings.Contains(strings.Join(errs, "\n"), want) {
			t.Errorf("%s is missing in %q", want, errs)
		}
	}
	for _, e := range errs {
		if !strings.HasPrefix(e, "8 ") {
			t.Errorf("%s", e)
		}
	}
	// The new columns say the same.
	newer := strings.NewReplacer("Handle,", "URL handle,", "Body (HTML)", "Description", "Variant SKU", "SKU", "Variant Inventory Tracker", "Inventory tracker",
		"Variant Inventory Qty", "Inventory quantity", "Variant Inventory Policy", "Continue selling when out of stock", "Variant Price", "Price",
		"Variant Compare At Price", "Compare-at price", "Variant Barcode", "Barcode", "Image Src", "Product image URL", "Variant Image", "Variant image URL").
		Replace(export(t, "shopify.csv"))
	again, _ := validated(t, newer, o)
	if diff := cmp.Diff(items, again); diff != "" {
		t.Error(diff)
	}
}

// TestShopifyNeedsCurrency: without one the price is said to lack it.
func TestShopifyNeedsCurrency(t *testing.T) {
	t.Parallel()
	found := map[string]int{}
	if _, err := Validate(strings.NewReader(export(t, "shopify.csv")), Options{Platform: "google"}, func(_ Item, issues []Issue) error {
		for _, i := range issues {
			found[i.Rule]++
		}
		return nil
	}); err != nil || found["price.format"] != 3 || found["link.required"] != 4 {
		t.Errorf("%v %v", found, err)
	}
	if _, err := Validate(strings.NewReader(export(t, "shopify.csv")), Options{Platform: "google", Currency: "EURO"}, nil); err == nil {
		t.Error("EURO is no currency")
	}
}

func TestWooCommerce(t *testing.T) {
	t.Parallel()
	o := Options{Platform: "google", Currency: "EUR", ShopURL: "https://shop.example"}
	items, errs := validated(t, export(t, "woocommerce.csv"), o)
	want := []Item{
		{Line: 2, ID: "MUG", Title: "Mug", Link: "https://shop.example/?p=11", Price: euros(990), SalePrice: euros(790), CostOfGoodsSold: euros(210), Availability: "in_stock", Stock: inStock(5),
			SaleFrom: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), SaleUntil: time.Date(2026, 3, 31, 23, 59, 0, 0, time.UTC), ProductType: "Kitchen > Mugs", Brand: "Acme"},
		{Line: 4, ID: "TEE-RED", Title: "Tee - Red", Link: "https://shop.example/?p=31", Price: euros(1950), Availability: "in_stock", Stock: inStock(4), ProductType: "Shirts", Brand: "Acme", ItemGroupID: "TEE"},
		{Line: 5, ID: "33", Title: "Tee", Link: "https://shop.example/?p=33", Price: euros(2050), Availability: "out_of_stock", Stock: inStock(0), ProductType: "Shirts", Brand: "Acme", ItemGroupID: "TEE"},
	}
	if diff := cmp.Diff(want, items); diff != "" || len(errs) > 0 {
		t.Error(diff, errs)
	}
}

// The same shop exported in another language is the same feed.
func TestWooCommerceTranslated(t *testing.T) {
	t.Parallel()
	o := Options{Platform: "google", Currency: "EUR", ShopURL: "https://shop.example"}
	english := export(t, "woocommerce.csv")
	_, rows, _ := strings.Cut(english, "\n")
	want, _ := validated(t, english, o)
	for language, header := range map[string]string{
		"German":  `ID,Typ,Artikelnummer,"GTIN, UPC, EAN oder ISBN",Name,Veröffentlicht,Kurzbeschreibung,Beschreibung,"Datum, an dem Angebotspreis beginnt","Datum, an dem Angebotspreis endet",Vorrätig?,Bestand,Gewicht (kg),Angebotspreis,Regulärer Preis,Kategorien,Bilder,Übergeordnetes Produkt,Position,Marken,Attribut 1 Name,Attribut 1 Wert(e),Attribut 2 Name,Attribut 2 Wert(e),Cost of goods`,
		"French":  `ID,Type,UGS,"GTIN, UPC, EAN ou ISBN",Nom,Publié,Description courte,Description,Date de début de promo,Date de fin de promo,En stock ?,Stock,Poids (kg),Tarif promo,Tarif régulier,Catégories,Images,Parent,Position,Marques,Nom de l’attribut 1,Valeur(s) de l’attribut 1,Nom de l'attribut 2,Valeur(s) de l'attribut 2,Méta : _wc_cog_cost`,
		"Spanish": `ID,Tipo,SKU,"GTIN, UPC, EAN o ISBN",Nombre,Publicado,Descripción corta,Descripción,Día en que empieza el precio rebajado,Día en que termina el precio rebajado,¿Existencias?,Inventario,Peso (kg),Precio rebajado,Precio normal,Categorías,Imágenes,Superior,Posición,Marcas,Nombre del atributo 1,Valor(es) del atributo 1,Nombre del atributo 2,Valor(es) del atributo 2,Meta: _wc_cog_cost`,
		"Dutch":   `ID,Type,Artikelnummer,"GTIN, UPC, EAN of ISBN",Naam,Gepubliceerd,Korte omschrijving,Beschrijving,Startdatum actieprijs,Einddatum actieprijs,Op voorraad?,Voorraad,Gewicht (kg),Actieprijs,Reguliere prijs,Categorieën,Afbeeldingen,Hoofd,Positie,Merken,Naam eigenschap 1,Waarde eigenschap 1,Naam eigenschap 2,Waarde eigenschap 2,Meta: _wc_cog_cost`,
		"Italian": `ID,Tipo,SKU,"GTIN, UPC, EAN, o ISBN",Nome,Pubblicato,Breve descrizione,Descrizione,Data di partenza del prezzo in saldo,Data in cui termina l'offerta,In stock?,Magazzino,Peso (kg),Prezzo in offerta,Prezzo di listino,Categorie,Immagine,Genitore,Posizione,Marchi,Nome dell'attributo 1,Valore dell'attributo 1,Nome dell'attributo 2,Valore dell'attributo 2,Meta: _wc_cog_cost`,
	} {
		items, _ := validated(t, header+"\n"+rows, o)
		if diff := cmp.Diff(want, items); diff != "" {
			t.Errorf("%s: %s", language, diff)
		}
	}
	for _, no := range []string{"Typ,Artikelnummer,Name\nsimple,A,B\n", "Tipo,Nombre,Precio normal\nsimple,A,3\n"} {
		if _, err := Validate(strings.NewReader(no), Options{Platform: "google", Format: "woocommerce"}, nil); err == nil {
			t.Errorf("%q was read as an export", no)
		}
	}
}

// TestExportsOddly reads exports that are broken in places, or named wrongly.
func TestExportsOddly(t *testing.T) {
	t.Parallel()
	o := Options{Platform: "google", Currency: "EUR", ShopURL: "https://shop.example"}
	text := export(t, "shopify.csv")
	lines := strings.SplitAfter(text, "\n")
	broken := lines[0] + "short,row\n" + strings.Join(lines[1:], "")
	rep, err := Validate(strings.NewReader(broken), o, nil)
	if err != nil || rep.ByRule["item.broken"] != 1 || rep.Items != 5 {
		t.Errorf("%+v %v", rep, err)
	}
	for format, text := range map[string]string{"shopify": export(t, "woocommerce.csv"), "woocommerce": text} {
		o.Format = format
		if _, err := Validate(strings.NewReader(text), o, nil); err == nil {
			t.Errorf("what is not %s's was read as such", format)
		}
	}
	o.Format = "auto"
	if n := recheck(t, text, strings.Replace(text, "39.90", "38.90", 1), o, o); n != 3 {
		t.Errorf("%d verdicts were known", n)
	}
	semicolons := strings.ReplaceAll(export(t, "woocommerce.csv"), ",", ";")
	if _, err := Validate(strings.NewReader(semicolons), o, nil); err != nil {
		t.Error(err)
	}
}

// TestManyVariants takes no more room for a product's long text than for one.
func TestManyVariants(t *testing.T) {
	var b strings.Builder
	b.WriteString("Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n")
	fmt.Fprintf(&b, "h,T,%s,Size,0,S0,1,https://shop.example/i.jpg\n", strings.Repeat("word ", 20_000))
	for i := 1; i < 4000; i++ {
		fmt.Fprintf(&b, "h,,,,%d,S%d,1,\n", i, i)
	}
	text := b.String()
	most := peakMemory(t, func() {
		rep, err := Validate(strings.NewReader(text), Options{Platform: "google", Currency: "EUR"}, nil)
		if err != nil || rep.Items != 4000 {
			t.Errorf("%+v %v", rep, err)
		}
	})
	if most > 100<<20 {
		t.Errorf("%d MiB", most>>20)
	}
}
