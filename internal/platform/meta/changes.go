package meta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/huandu/facebook/v2"

	"adsteward/internal/money"
	"adsteward/internal/platform"
)

// roasUnit is the unit of roas_average_floor: 10,000 is a ratio of 1.
const roasUnit = money.One / 10_000

// Validate has Meta check the changes and make none.
func (c *Client) Validate(ctx context.Context, changes []platform.Change) ([]platform.Result, error) {
	return c.send(ctx, changes, true)
}

// Apply sends one request for each entity; changes of one entity take effect
// together or not at all.
func (c *Client) Apply(ctx context.Context, changes []platform.Change) ([]platform.Result, error) {
	return c.send(ctx, changes, false)
}

func (c *Client) send(ctx context.Context, changes []platform.Change, validateOnly bool) ([]platform.Result, error) {
	unit, err := c.unit(ctx)
	if err != nil {
		return nil, err
	}
	results := make([]platform.Result, len(changes))
	done := map[platform.Ref]bool{}
	for _, ch := range changes {
		if done[ch.Entity] {
			continue
		}
		done[ch.Entity] = true
		result := c.sendEntity(ctx, ch.Entity, changes, unit, validateOnly)
		for i := range changes {
			if changes[i].Entity == ch.Entity {
				results[i] = result
			}
		}
	}
	return results, nil
}

func (c *Client) sendEntity(ctx context.Context, ref platform.Ref, changes []platform.Change, unit money.Micros, validateOnly bool) platform.Result {
	k := call{method: facebook.POST, path: ref.ID, params: facebook.Params{}, effect: writes}
	for _, ch := range changes {
		if ch.Entity != ref {
			continue
		}
		if err := addChange(k.params, ch, unit); err != nil {
			return platform.Result{Err: err}
		}
	}
	if validateOnly {
		k.effect = reads
		k.params["execution_options"] = []string{"validate_only"}
	}
	r, err := c.do(ctx, k)
	if err == nil && !validateOnly && r.body != nil && r.body["success"] == false {
		err = &platform.Error{Platform: platform.Meta, Kind: platform.Unknown, RequestID: r.requestID,
			Message: "Meta answered without success and without a reason", Remedy: "read the value back before trying again"}
	}
	return platform.Result{RequestID: r.requestID, Err: err}
}

// addChange adds one change to the parameters of a request.
func addChange(params facebook.Params, ch platform.Change, unit money.Micros) error {
	add := func(name string, value any) error {
		if _, twice := params[name]; twice {
			return rejected("%s of %s %s is changed twice at once", ch.Field, ch.Entity.Type, ch.Entity.ID)
		}
		params[name] = value
		return nil
	}
	whole := func(unit money.Micros) (int64, error) {
		if ch.Value <= 0 || ch.Value%unit != 0 {
			return 0, rejected("%s must be a positive multiple of %s, and %s is not", ch.Field, unit.Decimal(), ch.Value.Decimal())
		}
		return int64(ch.Value / unit), nil
	}
	adSet := ch.Entity.Type == platform.AdSet
	switch {
	case ch.Field == platform.DailyBudget && (adSet || ch.Entity.Type == platform.Campaign):
		v, err := whole(unit)
		if err != nil {
			return err
		}
		return add("daily_budget", fmt.Sprint(v))
	case ch.Field == platform.BidAmount && adSet:
		v, err := whole(unit)
		if err != nil {
			return err
		}
		return add("bid_amount", fmt.Sprint(v))
	case ch.Field == platform.ROASFloor && adSet:
		v, err := whole(roasUnit)
		if err != nil {
			return err
		}
		return add("bid_constraints", map[string]int64{"roas_average_floor": v})
	}
	return rejected("there is no %s on a %s of Meta", ch.Field, ch.Entity.Type)
}

// Changes reads the account's change history since a time. Only changes of
// campaigns and ad sets are listed.
func (c *Client) Changes(ctx context.Context, since time.Time) ([]platform.ChangeEvent, error) {
	unit, err := c.unit(ctx)
	if err != nil {
		return nil, err
	}
	var out []platform.ChangeEvent
	params := facebook.Params{
		"fields": "event_type,event_time,object_id,object_type,actor_name,application_name,extra_data",
		"since":  fmt.Sprint(since.Unix()),
	}
	err = c.pages(ctx, c.account+"/activities", params, func(rows []node) error {
		for _, row := range rows {
			ev, ok, err := changeEvent(row, unit)
			if err != nil {
				return unreadable("the change history", err)
			}
			if ok && !ev.At.Before(since) {
				out = append(out, ev)
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b platform.ChangeEvent) int { return a.At.Compare(b.At) })
	return out, err
}

func changeEvent(row node, unit money.Micros) (platform.ChangeEvent, bool, error) {
	event := row.text("event_type")
	kind, ok := changed(event, row.text("object_type"))
	if !ok {
		return platform.ChangeEvent{}, false, nil
	}
	at, err := eventTime(row.text("event_time"))
	if err != nil {
		return platform.ChangeEvent{}, false, err
	}
	ev := platform.ChangeEvent{
		At:     at,
		Entity: platform.Ref{Type: kind, ID: row.text("object_id")},
		Actor:  row.text("actor_name"),
		Client: row.text("application_name"),
	}
	details := extra(row.text("extra_data"))
	field, factor := platform.Field(""), unit
	switch {
	case event == "update_campaign_budget" || event == "update_ad_set_budget":
		field = platform.DailyBudget
		if strings.Contains(strings.ToLower(row.text("extra_data")), "lifetime") {
			return ev, true, nil
		}
	case event == "update_ad_set_bidding" && strings.Contains(row.text("extra_data"), "roas_average_floor"):
		field, factor = platform.ROASFloor, roasUnit
	case event == "update_ad_set_bidding":
		field = platform.BidAmount
	}
	before, errOld := historic(details, "old_value", factor)
	after, errNew := historic(details, "new_value", factor)
	if field != "" && errors.Join(errOld, errNew) == nil {
		ev.Field, ev.Old, ev.New = field, before, after
	}
	return ev, true, nil
}

// changed tells which kind of entity an event is about, and whether it is one
// of ours. Meta's object types keep the names of 2014: CAMPAIGN_GROUP is a
// campaign, CAMPAIGN an ad set.
func changed(event, object string) (platform.EntityType, bool) {
	switch {
	case strings.Contains(event, "ad_set"):
		return platform.AdSet, true
	case strings.Contains(event, "campaign"):
		return platform.Campaign, true
	case object == "CAMPAIGN_GROUP":
		return platform.Campaign, true
	case object == "AD_SET" || object == "CAMPAIGN" && !strings.Contains(event, "audience"):
		return platform.AdSet, true
	}
	return "", false
}

// historic reads a value of the change history, which is a number or an object
// that holds the number under the same name again.
func historic(details node, key string, unit money.Micros) (money.Micros, error) {
	if inner := details.child(key); inner != nil {
		details = inner
	}
	if details.text(key) == "" {
		return 0, fmt.Errorf("there is no %s", key)
	}
	return details.amount(key, unit)
}

// extra reads extra_data, a JSON text inside the JSON.
func extra(s string) node {
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var m map[string]any
	if d.Decode(&m) != nil {
		return nil
	}
	return m
}

// eventTime reads Graph's times, which write the zone without a colon.
func eventTime(s string) (time.Time, error) {
	if t, err := time.Parse("2006-01-02T15:04:05-0700", s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}
