-- What the platforms make of each item of the catalog, beside our own verdict.

-- +goose Up

CREATE TABLE item_statuses (
    account   TEXT NOT NULL,
    platform  TEXT NOT NULL,
    item_id   TEXT NOT NULL,
    state     TEXT NOT NULL,      -- approved, pending, limited, disapproved; absent where the platform does not have the item
    issues    TEXT NOT NULL,      -- the platform's, a JSON array
    predicted TEXT NOT NULL,      -- ours, a JSON array; '' where the feed does not have the item
    seen_at   TIMESTAMP NOT NULL,
    PRIMARY KEY (account, platform, item_id)
);

-- +goose Down

DROP TABLE item_statuses;
