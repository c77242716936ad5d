-- What the feeds hold, feed by feed, what is wrong with it, and what was spent
-- on each item.

-- +goose Up

-- The items of the last good version of each feed. feed is its location as
-- configured, position its place in the configuration.
CREATE TABLE feed_items (
    account         TEXT NOT NULL,
    item_id         TEXT NOT NULL,
    feed            TEXT NOT NULL,
    position        BIGINT NOT NULL,
    title           TEXT NOT NULL,
    price           BIGINT NOT NULL,
    currency        TEXT NOT NULL,
    sale_price      BIGINT,      -- NULL where there is none
    sale_from       TIMESTAMP,   -- NULL: has no beginning
    sale_until      TIMESTAMP,   -- NULL: has no end
    availability    TEXT NOT NULL,
    stock           BIGINT,      -- pieces, NULL where the feed does not say
    product_type    TEXT NOT NULL,
    item_group      TEXT NOT NULL,
    brand           TEXT NOT NULL,
    label_0         TEXT NOT NULL,
    label_1         TEXT NOT NULL,
    label_2         TEXT NOT NULL,
    label_3         TEXT NOT NULL,
    label_4         TEXT NOT NULL,
    unit_cost       BIGINT,      -- cost_of_goods_sold, NULL where absent
    errors          BIGINT NOT NULL,
    warnings        BIGINT NOT NULL,
    google_errors   BIGINT NOT NULL,
    google_warnings BIGINT NOT NULL,
    meta_errors     BIGINT NOT NULL,
    meta_warnings   BIGINT NOT NULL,
    feed_date       TEXT NOT NULL,
    PRIMARY KEY (account, item_id, feed)
);

INSERT INTO feed_items SELECT account, item_id, '', 0, title, price, currency, NULL, NULL, NULL, availability, NULL, product_type, '', '',
    '', '', '', '', '', unit_cost, errors, warnings, errors, warnings, errors, warnings, feed_date FROM products;
DROP TABLE products;

-- Each item once, as far as it is joined to orders: as the first feed that holds
-- it says, with the errors of all.
CREATE VIEW products AS SELECT f.account, f.item_id, f.product_type, f.availability, f.unit_cost,
    (SELECT CAST(SUM(e.errors) AS BIGINT) FROM feed_items e WHERE e.account = f.account AND e.item_id = f.item_id) AS errors
FROM feed_items f
WHERE NOT EXISTS (SELECT 1 FROM feed_items e WHERE e.account = f.account AND e.item_id = f.item_id
    AND (e.position < f.position OR e.position = f.position AND e.feed < f.feed));

-- What was found wrong in a night's feeds: of the newest two nights, and no
-- more of each rule than the nightly run keeps.
CREATE TABLE feed_issues (
    account   TEXT NOT NULL,
    run_id    TEXT NOT NULL,
    number    BIGINT NOT NULL,
    feed      TEXT NOT NULL,
    item_id   TEXT NOT NULL, -- '' for an issue of the file
    line      BIGINT NOT NULL,
    rule      TEXT NOT NULL,
    severity  TEXT NOT NULL,
    platform  TEXT NOT NULL, -- google, meta, both
    attribute TEXT NOT NULL,
    value     TEXT NOT NULL,
    message   TEXT NOT NULL,
    fix       TEXT NOT NULL,
    PRIMARY KEY (account, run_id, number)
);
CREATE INDEX feed_issues_item ON feed_issues (account, run_id, item_id);

-- What campaigns spent on items, as the platforms report it. item_id is
-- written as the platform writes it: Google in lower case.
CREATE TABLE item_spend (
    account     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    ad_account  TEXT NOT NULL,
    date        TEXT NOT NULL,
    campaign    TEXT NOT NULL, -- the platform's id
    item_id     TEXT NOT NULL,
    cost        BIGINT NOT NULL,
    value       BIGINT NOT NULL,
    conversions DOUBLE PRECISION NOT NULL,
    clicks      BIGINT NOT NULL,
    PRIMARY KEY (account, platform, ad_account, date, campaign, item_id)
);

-- +goose Down
DROP TABLE item_spend;
DROP TABLE feed_issues;
DROP VIEW products;
CREATE TABLE products (
    account      TEXT NOT NULL,
    item_id      TEXT NOT NULL,
    title        TEXT NOT NULL,
    price        BIGINT NOT NULL,
    currency     TEXT NOT NULL,
    availability TEXT NOT NULL,
    product_type TEXT NOT NULL,
    unit_cost    BIGINT,
    errors       BIGINT NOT NULL,
    warnings     BIGINT NOT NULL,
    feed_date    TEXT NOT NULL,
    PRIMARY KEY (account, item_id)
);
INSERT INTO products SELECT account, item_id, title, price, currency, availability, product_type, unit_cost, errors, warnings, feed_date
    FROM feed_items f WHERE NOT EXISTS (SELECT 1 FROM feed_items e WHERE e.account = f.account AND e.item_id = f.item_id
    AND (e.position < f.position OR e.position = f.position AND e.feed < f.feed));
DROP TABLE feed_items;
