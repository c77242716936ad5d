-- Days of what lies within a campaign: an ad group, or an ad set whose campaign owns
-- the budget. The campaign's own row holds them already.

-- +goose Up

ALTER TABLE performance ADD COLUMN part BIGINT NOT NULL DEFAULT 0; -- 1 of such a day

-- +goose Down

DELETE FROM performance WHERE part = 1;
ALTER TABLE performance DROP COLUMN part;
