-- Orders before which ads of several campaigns were clicked: they do not say which of
-- these sold them, nor what each of them sells.

-- +goose Up

ALTER TABLE orders ADD COLUMN several BIGINT NOT NULL DEFAULT 0; -- 1 of such an order; set by the attribute stage

-- +goose Down

ALTER TABLE orders DROP COLUMN several;
