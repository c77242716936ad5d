-- An ad account's days before this one are in another currency and count no more.

-- +goose Up

ALTER TABLE ad_accounts ADD COLUMN counts_from TEXT NOT NULL DEFAULT '1970-01-01';

-- +goose Down

ALTER TABLE ad_accounts DROP COLUMN counts_from;
