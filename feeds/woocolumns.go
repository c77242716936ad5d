package feeds

import "strings"

// WooCommerce writes the header of its product export in the language of who
// exports; what is below it, the types of product among it, is not translated.
// wooTranslated lists its column names in German, French, Spanish, Dutch and
// Italian, as its translations of several years have them, in lower case and with
// straight apostrophes; # stands for a number.
var wooTranslated = map[string][]string{
	"type":              {"typ", "tipo"},
	"sku":               {"artikelnummer", "art.-nr.", "ugs", "référence"},
	"name":              {"nom", "nombre", "naam", "nome"},
	"published":         {"veröffentlicht", "publié", "publicado", "gepubliceerd", "pubblicato"},
	"description":       {"beschreibung", "descripción", "beschrijving", "descrizione"},
	"short description": {"kurzbeschreibung", "description courte", "descripción corta", "korte beschrijving", "korte omschrijving", "breve descrizione"},
	"regular price": {"regulärer preis", "normaler preis", "tarif régulier", "prix régulier", "precio normal", "precio regular", "reguliere prijs",
		"prezzo di listino"},
	"sale price": {"angebotspreis", "tarif promo", "prix promo", "precio rebajado", "actieprijs", "prezzo in offerta"},
	"date sale price starts": {"datum, an dem angebotspreis beginnt", "datum, an dem der angebotspreis beginnt", "angebotspreis gültig ab", "date de début de promo",
		"día en que empieza el precio rebajado", "startdatum actieprijs", "data di partenza del prezzo in saldo"},
	"date sale price ends": {"datum, an dem angebotspreis endet", "datum, an dem der angebotspreis endet", "angebotspreis gültig bis", "date de fin de promo",
		"día en que termina el precio rebajado", "einddatum actieprijs", "data in cui termina l'offerta"},
	"in stock?":               {"vorrätig?", "auf lager?", "en stock?", "en inventaire?", "¿en inventario?", "¿existencias?", "¿hay existencias?", "op voorraad?"},
	"stock":                   {"bestand", "lager", "lagerbestand", "inventaire", "inventario", "existencias", "voorraad", "magazzino"},
	"categories":              {"kategorien", "catégories", "categorías", "categorieën", "categorie"},
	"images":                  {"bilder", "imágenes", "afbeeldingen", "immagini", "immagine"},
	"parent":                  {"übergeordnetes produkt", "eltern", "superior", "hoofd", "genitore"},
	"brands":                  {"marken", "marques", "marcas", "merken", "marchi"},
	"external url":            {"externe url", "url externe", "url externa", "url esterno"},
	"gtin, upc, ean, or isbn": {"gtin, upc, ean oder isbn", "gtin, upc, ean ou isbn", "gtin, upc, ean o isbn", "gtin, upc, ean, o isbn", "gtin, upc, ean of isbn"},
	"attribute # name":        {"attribut # name", "nom de l'attribut #", "nombre del atributo #", "naam eigenschap #", "nome dell'attributo #", "attributo # nome"},
	"attribute # value(s)": {"attribut # wert(e)", "valeur(s) de l'attribut #", "valor(es) del atributo #", "waarde eigenschap #", "waarde(n) eigenschap #",
		"valore dell'attributo #", "valore(i) dell'attributo #", "attributo # valuta(e)"},
	"weight (kg)":  {"gewicht (kg)", "poids (kg)", "peso (kg)"},
	"weight (g)":   {"gewicht (g)", "poids (g)", "peso (g)"},
	"weight (lbs)": {"gewicht (lbs)", "poids (lbs)", "peso (lbs)"},
	"weight (oz)":  {"gewicht (oz)", "poids (oz)", "peso (oz)"},
}

// wooEnglish is wooTranslated the other way round.
var wooEnglish = func() map[string]string {
	out := map[string]string{}
	for english, names := range wooTranslated {
		for _, n := range names {
			out[n] = english
		}
	}
	return out
}()

var (
	wooSpelling = strings.NewReplacer("’", "'", " ?", "?", "méta :", "meta:", "méta:", "meta:", "meta :", "meta:")
	wooNumber   = strings.NewReplacer("1", "#", "2", "#", "3", "#", "4", "#", "5", "#", "6", "#", "7", "#", "8", "#", "9", "#")
)

// wooColumns is columnsOf with the columns' English names as well.
func wooColumns(cells []string) map[string]int {
	names := columnsOf(cells)
	for i, c := range cells {
		c = wooSpelling.Replace(plainColumn(c))
		english, ok := wooEnglish[wooNumber.Replace(c)]
		if !ok {
			english = c // but for its spelling
		}
		if at := strings.IndexAny(c, "123456789"); at >= 0 {
			english = strings.Replace(english, "#", c[at:at+1], 1)
		}
		if _, there := names[english]; !there && english != "" {
			names[english] = i
		}
	}
	return names
}
