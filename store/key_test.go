package store_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"adsteward/store"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	key := store.NewKey()
	raw := [32]byte(key)
	for _, s := range []string{key.Hex(), strings.ToUpper(key.Hex()) + "\n", base64.StdEncoding.EncodeToString(raw[:]),
		base64.RawURLEncoding.EncodeToString(raw[:])} {
		if got, err := store.ParseKey(s); err != nil || got != key {
			t.Errorf("a key of %d characters is not read back: %v", len(s), err)
		}
	}
	for _, s := range []string{"", "hunter2", key.Hex()[:62], key.Hex() + "00", strings.Repeat("ß", 32)} {
		_, err := store.ParseKey(s)
		if err == nil {
			t.Errorf("%q was taken for a key", s)
		} else if s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("the error quotes the input: %v", err)
		}
	}
}

func TestKeyIsNeverPrinted(t *testing.T) {
	t.Parallel()
	key := store.NewKey()
	holder := struct {
		Key store.Key
		Ptr *store.Key
	}{key, &key}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%T %v"} {
		fmt.Fprintf(&out, verb+"\n", key, key)
		fmt.Fprintf(&out, verb+"\n", &key, &key)
		fmt.Fprintf(&out, verb+"\n", holder, holder)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("opened", "key", key, "ptr", &key, "holder", holder)
	}
	if err := json.NewEncoder(&out).Encode(holder); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "***"); n < 20 {
		t.Errorf("only %d of the keys are shown as ***:\n%s", n, out.String())
	}
	raw := [32]byte(key)
	for _, form := range []string{string(raw[:]), hex.EncodeToString(raw[:]), strings.ToUpper(hex.EncodeToString(raw[:])),
		base64.StdEncoding.EncodeToString(raw[:]), strings.Trim(fmt.Sprint(raw), "[]"), fmt.Sprintf("%#v", raw)[8:]} {
		if strings.Contains(out.String(), form) {
			t.Errorf("the key is printed:\n%s", out.String())
		}
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	key := store.NewKey()
	a, b := must(key.Seal("ann@example.com", "shop"))(t), must(key.Seal("ann@example.com", "shop"))(t)
	if bytes.Equal(a, b) {
		t.Error("the same value seals alike: who shares an address would show")
	}
	if bytes.Contains(a, []byte("ann")) {
		t.Error("the value is readable")
	}
	same(t, "opened", must(key.Open(a, "shop"))(t), "ann@example.com")
	if sealed := must(key.Seal("", "shop"))(t); sealed != nil {
		t.Error("nothing was sealed as something")
	}
	same(t, "opened nothing", must(key.Open(nil, "shop"))(t), "")

	flipped := bytes.Clone(a)
	flipped[len(flipped)-1] ^= 1
	for name, open := range map[string]func() (string, error){
		"another account": func() (string, error) { return key.Open(a, "other") },
		"another key":     func() (string, error) { return store.NewKey().Open(a, "shop") },
		"a changed bit":   func() (string, error) { return key.Open(flipped, "shop") },
		"a short value":   func() (string, error) { return key.Open(a[:5], "shop") },
	} {
		if plain, err := open(); err == nil || strings.Contains(err.Error(), "ann@") {
			t.Errorf("%s: got %q, %v", name, plain, err)
		}
	}
}

func TestLookup(t *testing.T) {
	t.Parallel()
	key := store.NewKey()
	same(t, "nothing", key.Lookup(""), "")
	same(t, "steady", key.Lookup("ann"), key.Lookup("ann"))
	if len(key.Lookup("ann")) != 64 || key.Lookup("ann") == key.Lookup("bob") || key.Lookup("ann") == store.NewKey().Lookup("ann") {
		t.Error("the lookup is not a keyed hash")
	}
}
