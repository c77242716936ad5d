-- What each platform was told of the value of each order.

-- +goose Up

CREATE TABLE told_conversions (
    account    TEXT NOT NULL,
    platform   TEXT NOT NULL,
    order_id   TEXT NOT NULL,
    ordered_at TIMESTAMP NOT NULL,
    state      TEXT NOT NULL,   -- pending, told, refused, retracted; written as pending before anything is sent
    step       TEXT NOT NULL,   -- record, restate, retract: the newest one
    value      BIGINT NOT NULL, -- of that step
    held       BIGINT NOT NULL, -- what the platform is known to hold, whatever becomes of that step
    currency   TEXT NOT NULL,
    why        TEXT NOT NULL,   -- one sentence for people
    request_id TEXT NOT NULL,   -- of the newest step: the proof
    status     TEXT NOT NULL,   -- what became of that request: '', processing, success, partial, failed, unknown
    told_at    TIMESTAMP NOT NULL,
    PRIMARY KEY (account, platform, order_id)
);
CREATE INDEX told_ordered ON told_conversions (account, platform, ordered_at);
CREATE INDEX told_request ON told_conversions (account, platform, status, request_id);

-- +goose Down

DROP TABLE told_conversions;
