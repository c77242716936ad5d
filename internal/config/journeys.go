package config

import (
	"maps"
	"slices"
)

// Journeys says how touches and orders make journeys; what is left out holds as the
// platforms have it.
type Journeys struct {
	// Windows are by platform: google, meta, and other for the rest.
	Windows map[string]Window `yaml:"windows,omitempty"`
	// SessionMinutes is the longest pause within a visit.
	SessionMinutes int `yaml:"session_minutes,omitempty"`
}

// Window is how many days before an order a touch counts: clicked, and only seen.
type Window struct {
	ClickDays float64 `yaml:"click_days"`
	ViewDays  float64 `yaml:"view_days"`
}

func (j *Journeys) check(key string, f *faults) {
	for _, platform := range slices.Sorted(maps.Keys(j.Windows)) {
		w := j.Windows[platform]
		f.wrong(platform != "google" && platform != "meta" && platform != "other", "%sjourneys.windows.%s: is none of google, meta, other", key, platform)
		f.wrong(!(w.ClickDays > 0 && w.ClickDays <= 90), "%sjourneys.windows.%s.click_days: %v is not above 0 and at most 90", key, platform, w.ClickDays)
		f.wrong(!(w.ViewDays >= 0 && w.ViewDays <= 90), "%sjourneys.windows.%s.view_days: %v is not between 0 and 90", key, platform, w.ViewDays)
	}
	f.wrong(j.SessionMinutes < 0 || j.SessionMinutes > 1440, "%sjourneys.session_minutes: %d is not between 1 and 1440", key, j.SessionMinutes)
}
