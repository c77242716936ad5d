-- Touches come in and are read in the order of time, so that is how they are kept:
-- each index in another order is written all over by every night. Who visited and
-- clicked under what number is asked for one person at a time, and seldom.

-- +goose Up

CREATE TABLE touches_by_time (
    account     TEXT NOT NULL,
    touch_id    TEXT NOT NULL, -- hash of the row
    customer_id TEXT NOT NULL,
    visitor_id  TEXT NOT NULL,
    at          TIMESTAMP NOT NULL,
    channel     TEXT NOT NULL,
    campaign    TEXT NOT NULL,
    click_id    TEXT NOT NULL,
    kind        TEXT NOT NULL, -- click, view
    PRIMARY KEY (account, at, touch_id)
);
INSERT INTO touches_by_time (account, touch_id, customer_id, visitor_id, at, channel, campaign, click_id, kind)
    SELECT account, touch_id, customer_id, visitor_id, at, channel, campaign, click_id, kind FROM touches ORDER BY account, at, touch_id;
DROP TABLE touches;
ALTER TABLE touches_by_time RENAME TO touches;
DROP INDEX orders_click;
DROP INDEX carts_email;
DROP INDEX carts_customer;
DROP INDEX carts_visitor;

-- +goose Down

CREATE INDEX carts_visitor ON carts (account, visitor_id);
CREATE INDEX carts_customer ON carts (account, customer_id);
CREATE INDEX carts_email ON carts (account, email_key);
CREATE INDEX orders_click ON orders (account, click_id);
CREATE TABLE touches_by_id (
    account     TEXT NOT NULL,
    touch_id    TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    visitor_id  TEXT NOT NULL,
    at          TIMESTAMP NOT NULL,
    channel     TEXT NOT NULL,
    campaign    TEXT NOT NULL,
    click_id    TEXT NOT NULL,
    kind        TEXT NOT NULL DEFAULT 'click',
    PRIMARY KEY (account, touch_id)
);
INSERT INTO touches_by_id (account, touch_id, customer_id, visitor_id, at, channel, campaign, click_id, kind)
    SELECT account, touch_id, customer_id, visitor_id, at, channel, campaign, click_id, kind FROM touches;
DROP TABLE touches;
ALTER TABLE touches_by_id RENAME TO touches;
CREATE INDEX touches_customer ON touches (account, customer_id, at);
CREATE INDEX touches_click ON touches (account, click_id);
CREATE INDEX touches_visitor ON touches (account, visitor_id, customer_id);
CREATE INDEX touches_at ON touches (account, at);
