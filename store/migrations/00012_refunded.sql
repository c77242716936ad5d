-- Whether anything was refunded lately is asked every night, and of a shop without
-- refunds only an index says so at once.

-- +goose Up

CREATE INDEX orders_refunded ON orders (account, order_date) WHERE refunded > 0;

-- +goose Down

DROP INDEX orders_refunded;
