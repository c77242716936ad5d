package nightly

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"adsteward/store"
)

// noticeModel is the kind under which a run keeps what people were told of it.
const noticeModel = "notice"

// notice is what people were told of a night.
type notice struct {
	Text  string    `json:"text"`
	At    time.Time `json:"at"`
	Error string    `json:"error,omitempty"` // why it did not arrive
}

// announceFor is how long the end of a night waits for its notice to be taken.
const announceFor = 15 * time.Second

// announce tells people how a night went: single stages of it, done by hand, are no
// night. One that ends again, as after a stage done anew, is told again where that has
// changed anything. What does not arrive is kept with the reason, and holds nothing up.
func (s *Steward) announce(ctx context.Context, run store.Run, stages []store.Stage) error {
	shop, err := s.Shop(run.Account)
	if err != nil || shop.Notify == nil {
		return err
	}
	if run.State == Done && slices.ContainsFunc(stages, func(r store.Stage) bool { return r.State == Waiting }) {
		return nil
	}
	text, err := s.noticeText(ctx, shop, run, stages)
	if err != nil {
		return err
	}
	told, err := loadModels[notice](ctx, s.Store.Queries, run.RunID, noticeModel)
	if was, ok := told[""]; err != nil || ok && was.Text == text && was.Error == "" {
		return err
	}
	// Whoever kept the notices knows of an audit log that was made anew.
	head := ""
	if newest, err := s.Store.AuditEntries(ctx, store.AuditFilter{Newest: true, Limit: 1}); err != nil {
		return err
	} else if len(newest) > 0 {
		head = fmt.Sprintf("\nAudit log no. %d: %s", newest[0].Seq, newest[0].Hash)
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), announceFor)
	defer cancel()
	n := notice{Text: text, At: s.Now()}
	if err := shop.Notify(limited, text+head); err != nil {
		n.Error = err.Error()
		s.Log.Warn("people could not be told of the night", "account", shop.Name, "error", err)
	}
	var models modelSet
	models.add(run.RunID, noticeModel, "", n)
	return models.put(ctx, s.Store.Queries)
}

// toldStages are those whose summaries tell people what there is to do and what was done.
var toldStages = []string{string(Propose), string(Approve), string(Push), string(Measure)}

// short cuts an error to what a message in a chat may hold beside others.
func short(text string) string {
	const most = 300
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + " …"
	}
	return text
}

func (s *Steward) noticeText(ctx context.Context, shop *Shop, run store.Run, stages []store.Stage) (string, error) {
	state := run.State
	if state == Done && slices.ContainsFunc(stages, func(r store.Stage) bool { return r.Error != "" }) {
		state = "done with errors"
	}
	lines := []string{fmt.Sprintf("%s, night of %s: %s", run.Account, run.Date.Time().Format("Mon 2 Jan 2006"), state)}
	for _, r := range stages {
		name := strings.ToUpper(r.Stage[:1]) + r.Stage[1:]
		if r.Summary != "" && r.State == Done && slices.Contains(toldStages, r.Stage) {
			lines = append(lines, name+": "+r.Summary)
		}
		if r.Error != "" {
			lines = append(lines, name+" went wrong: "+short(strings.Join(strings.Fields(r.Error), " ")))
		}
	}
	auto, _, err := s.Store.Setting(ctx, autoApproveKey(shop.Name))
	if err != nil {
		return "", err
	}
	if !auto.UpdatedAt.Before(run.StartedAt) {
		lines = append(lines, "Automatic approval was turned "+auto.Value+" by the policy file.")
	}
	killed, err := s.Killed(ctx)
	if killed {
		lines = append(lines, "The kill switch is on: nothing is pushed.")
	}
	if shop.Link != "" {
		lines = append(lines, shop.Link)
	}
	return strings.Join(lines, "\n"), err
}
