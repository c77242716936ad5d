package web

import (
	"context"

	"adsteward/attribution"
	"adsteward/store"
)

// ExperimentDesk takes experiments through their life. Starting one approves its
// whole schedule of changes.
type ExperimentDesk interface {
	// DraftExperiment says what a plan would be, cost and detect; nothing is stored.
	DraftExperiment(ctx context.Context, r attribution.ExperimentRequest) (attribution.ExperimentDraft, error)
	PlanExperiment(ctx context.Context, actor string, r attribution.ExperimentRequest) (store.Experiment, error)
	// StartExperiment refuses where hash is not the plan's.
	StartExperiment(ctx context.Context, actor, id, hash string) (store.Experiment, error)
	StopExperiment(ctx context.Context, actor, id, reason string) (store.Experiment, error)
	ConcludeExperiment(ctx context.Context, actor, id, reason string) (store.Experiment, error)
	CancelExperiment(ctx context.Context, actor, id, reason string) (store.Experiment, error)
}
