package nightly

import (
	"context"
	"fmt"

	"adsteward/attribution"
	"adsteward/attribution/lift"
	"adsteward/audiences"
	"adsteward/store"
)

// holdOut takes the people a running holdout keeps from an audience off its list,
// and records everybody's arm on the night they first belonged to it.
func (n *night) holdOut(ctx context.Context, lists []wantedList) (held int, err error) {
	rows, err := n.Store.Experiments(ctx, n.shop.Name, string(attribution.ExperimentRunning))
	if err != nil {
		return 0, err
	}
	for _, e := range rows {
		p, err := planOf(e)
		if err != nil {
			return held, err
		}
		if p.Holdout == nil || n.date < e.Starts || n.date > e.Ends {
			continue
		}
		for i := range lists {
			if l := &lists[i]; l.heldBy == p.Holdout.List {
				units := l.holdOut(e, p.Holdout, n)
				if l.key == p.Holdout.List { // the others are parts of it
					held += len(l.held)
				}
				if err := n.Store.AddExperimentUnits(ctx, units); err != nil {
					return held, err
				}
			}
		}
	}
	return held, nil
}

// holdOut parts a list's people by the hash of their name, which no list and no
// date changes.
func (l *wantedList) holdOut(e store.Experiment, h *attribution.HoldoutPlan, n *night) []store.ExperimentUnit {
	draw := lift.Holdout{Salt: e.ExperimentID, BasisPoints: basisPoints(h)}
	var stay []audiences.Membership
	var units []store.ExperimentUnit
	for _, m := range l.members {
		name := m.Subject
		if m.Person.EmailKey != "" { // known before there is a customer id, and after
			name = "e:" + m.Person.EmailKey
		}
		arm := attribution.Treated
		if draw.Held(name) {
			arm = attribution.Held
			if l.held == nil {
				l.held = map[string]string{}
			}
			l.held[m.Subject] = fmt.Sprintf("held out by the experiment %q (%s)", e.Name, e.ExperimentID)
		} else {
			stay = append(stay, m)
		}
		units = append(units, store.ExperimentUnit{ExperimentID: e.ExperimentID, Unit: name, Arm: string(arm), AssignedOn: n.date})
	}
	l.members = stay
	return units
}
