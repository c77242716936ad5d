-- Who is one person: what is needed to look up what an identifier was seen with,
-- and who was said not to be one. A touch is a click or a view.

-- +goose Up

ALTER TABLE touches ADD COLUMN kind TEXT NOT NULL DEFAULT 'click'; -- click, view

CREATE INDEX touches_visitor ON touches (account, visitor_id, customer_id);
CREATE INDEX orders_click ON orders (account, click_id);
CREATE INDEX customers_phone ON customers (account, phone_key);
CREATE INDEX carts_visitor ON carts (account, visitor_id);
CREATE INDEX carts_customer ON carts (account, customer_id);
CREATE INDEX carts_email ON carts (account, email_key);

CREATE TABLE identity_splits (
    account TEXT NOT NULL,
    id_a    TEXT NOT NULL, -- kind:value, the lesser of the two
    id_b    TEXT NOT NULL, -- '' where id_a is nobody's in particular and joins nothing
    reason  TEXT NOT NULL,
    actor   TEXT NOT NULL,
    at      TIMESTAMP NOT NULL,
    PRIMARY KEY (account, id_a, id_b)
);

-- +goose Down

DROP TABLE identity_splits;
DROP INDEX carts_email;
DROP INDEX carts_customer;
DROP INDEX carts_visitor;
DROP INDEX customers_phone;
DROP INDEX orders_click;
DROP INDEX touches_visitor;
ALTER TABLE touches DROP COLUMN kind;
