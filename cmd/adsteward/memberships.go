package main

import (
	"fmt"
	"text/tabwriter"

	"adsteward/attribution/identity"
	"adsteward/internal/present"
	"adsteward/store"
)

type audiencesPerson struct {
	ID      string `arg:"" name:"id" help:"customer:ID or email:ADDRESS."`
	Account string `help:"Of this account; the first of the configuration where not given." placeholder:"A"`
	JSON    bool   `name:"json" help:"One JSON array of {platform, list, person, state, why, changed_at, request_id}."`
}

func (c *audiencesPerson) Help() string {
	return "Example: adsteward audiences person email:ada@example.com. Which lists somebody is on and was on, why, since when, and by which requests the platforms were told: the proof that consent was heeded."
}

func (c *audiencesPerson) Run(e *env) error {
	return e.onPersons(c.Account, []string{c.ID}, func(a *app, shop string, ids []identity.ID) error {
		prefix := map[identity.Kind]string{identity.Customer: "c:", identity.Email: "e:"}[ids[0].Kind]
		if prefix == "" {
			return usage("%q is neither customer:ID nor email:ADDRESS; nobody is on a list by anything else", c.ID)
		}
		rows, err := a.store.MembersBy(e.ctx, shop, prefix+ids[0].Value)
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(e.stdout, append([]store.AudienceMember{}, rows...))
		}
		if len(rows) == 0 {
			_, err := fmt.Fprintln(e.stdout, "On no list, and never was.")
			return err
		}
		w := tabwriter.NewWriter(e.stdout, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "LIST\tPLATFORM\tSTATE\tSINCE\tREQUEST\tWHY")
		for _, m := range rows {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.List, present.PlatformName(m.Platform), m.State, m.ChangedAt.UTC().Format("2006-01-02 15:04 UTC"), m.RequestID, m.Why)
		}
		return w.Flush()
	})
}
