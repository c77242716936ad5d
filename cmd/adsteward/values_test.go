package main

import (
	"testing"

	"golang.org/x/oauth2"

	"adsteward/bidding"
	"adsteward/internal/platform"
	"adsteward/internal/platform/datamanager"
	"adsteward/internal/platform/meta"
)

// TestTellLimitsAreThePlatforms: what is decided to be corrected is what the
// adapters can tell.
func TestTellLimitsAreThePlatforms(t *testing.T) {
	t.Parallel()
	client, err := datamanager.Open(datamanager.Config{CustomerID: "77", TokenSource: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})})
	if err != nil {
		t.Fatal(err)
	}
	google, err := client.Conversions("1")
	if err != nil {
		t.Fatal(err)
	}
	graph, err := meta.Open(meta.Config{AdAccountID: "77", AccessToken: "x", AppSecret: "y"})
	if err != nil {
		t.Fatal(err)
	}
	facebook, err := graph.Conversions("1")
	if err != nil {
		t.Fatal(err)
	}
	for _, api := range []platform.Conversions{google, facebook} {
		limits := bidding.LimitsOf(api.Platform())
		if !api.Takes(platform.Record) || api.Takes(platform.Restate) != (limits.Restate > 0) || api.Takes(platform.Retract) != (limits.Restate > 0) {
			t.Errorf("%s: the limits are %+v", api.Platform(), limits)
		}
		if err := api.Close(); err != nil {
			t.Error(err)
		}
	}
}
