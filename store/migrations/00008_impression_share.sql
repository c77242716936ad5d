-- The impressions that a day could have had: with those it had, the platform's
-- impression share.

-- +goose Up

ALTER TABLE performance ADD COLUMN eligible BIGINT NOT NULL DEFAULT 0; -- 0 where the platform does not say

-- +goose Down

ALTER TABLE performance DROP COLUMN eligible;
