-- Experiments, who or what is in which arm, and what they found.

-- +goose Up

CREATE TABLE experiments (
    experiment_id TEXT NOT NULL PRIMARY KEY,
    account       TEXT NOT NULL,
    kind          TEXT NOT NULL,   -- switchback, holdout, geo
    name          TEXT NOT NULL,
    state         TEXT NOT NULL,   -- planned, running, ended, concluded, cancelled
    reason        TEXT NOT NULL,   -- of the last step
    plan          TEXT NOT NULL,   -- JSON
    plan_hash     TEXT NOT NULL,   -- what starting it approves
    starts        TEXT NOT NULL,
    ends          TEXT NOT NULL,   -- last day, moved forward where it was stopped
    created_by    TEXT NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    approved_by   TEXT NOT NULL,   -- who started it, '' before
    started_at    TIMESTAMP,
    ended_at      TIMESTAMP,
    to_restore    BIGINT NOT NULL, -- 1 while it may have left a value changed
    forecast      TEXT NOT NULL,   -- JSON: what it was expected to cost and to detect
    watched       TEXT NOT NULL,   -- JSON: the newest look, '' before
    updated_at    TIMESTAMP NOT NULL
);
CREATE INDEX experiments_state ON experiments (account, state);

-- Of a holdout the persons ("c:" and a customer id or "e:" and an email_key), of
-- a geo experiment the regions, each with the arm it was given and when.
CREATE TABLE experiment_units (
    experiment_id TEXT NOT NULL REFERENCES experiments (experiment_id),
    unit          TEXT NOT NULL,
    arm           TEXT NOT NULL,   -- treated, held
    assigned_on   TEXT NOT NULL,
    PRIMARY KEY (experiment_id, unit)
);

CREATE TABLE iota_ledger (
    account       TEXT NOT NULL,
    campaign      TEXT NOT NULL,   -- as orders name it
    experiment_id TEXT NOT NULL REFERENCES experiments (experiment_id),
    value         DOUBLE PRECISION NOT NULL,
    sd            DOUBLE PRECISION NOT NULL,
    ended         TEXT NOT NULL,   -- last day of the experiment
    method        TEXT NOT NULL,   -- one sentence for people
    recorded_at   TIMESTAMP NOT NULL,
    PRIMARY KEY (account, campaign, experiment_id)
);

-- +goose Down

DROP TABLE iota_ledger;
DROP TABLE experiment_units;
DROP TABLE experiments;
