-- One schema for SQLite and PostgreSQL. Rules that keep it so: BIGINT for
-- integers and money (micros), DOUBLE PRECISION for counts that may be
-- fractional, TIMESTAMP for instants (always UTC), TEXT YYYY-MM-DD for dates in
-- the ad account's zone, TEXT for JSON, BYTEA for ciphertext, no serial columns.
-- "account" is the account group of the configuration: a shop and its ad
-- accounts. "ad_account" is one account of one platform.

-- +goose Up

CREATE TABLE ad_accounts (
    platform    TEXT NOT NULL,
    ad_account  TEXT NOT NULL,
    account     TEXT NOT NULL,
    name        TEXT NOT NULL,
    currency    TEXT NOT NULL,
    time_zone   TEXT NOT NULL,
    budget_unit BIGINT NOT NULL,
    min_budget  BIGINT NOT NULL,
    updated_at  TIMESTAMP NOT NULL,
    PRIMARY KEY (platform, ad_account)
);

CREATE TABLE entities (
    account     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    ad_account  TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id   TEXT NOT NULL,
    name        TEXT NOT NULL,
    detail      TEXT NOT NULL, -- JSON of platform.Entity
    first_seen  TIMESTAMP NOT NULL,
    updated_at  TIMESTAMP NOT NULL,
    PRIMARY KEY (platform, ad_account, entity_type, entity_id)
);
CREATE INDEX entities_account ON entities (account);

CREATE TABLE entity_history (
    platform    TEXT NOT NULL,
    ad_account  TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id   TEXT NOT NULL,
    seen_at     TIMESTAMP NOT NULL,
    detail      TEXT NOT NULL,
    PRIMARY KEY (platform, ad_account, entity_type, entity_id, seen_at)
);

CREATE TABLE change_events (
    account     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    ad_account  TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id   TEXT NOT NULL,
    field       TEXT NOT NULL,
    at          TIMESTAMP NOT NULL,
    actor       TEXT NOT NULL,
    client      TEXT NOT NULL,
    old_value   BIGINT NOT NULL,
    new_value   BIGINT NOT NULL,
    PRIMARY KEY (platform, ad_account, entity_type, entity_id, field, at)
);

CREATE TABLE performance (
    account     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    ad_account  TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id   TEXT NOT NULL,
    date        TEXT NOT NULL,
    cost        BIGINT NOT NULL,
    value       BIGINT NOT NULL,
    conversions DOUBLE PRECISION NOT NULL,
    clicks      BIGINT NOT NULL,
    impressions BIGINT NOT NULL,
    pulled_at   TIMESTAMP NOT NULL,
    PRIMARY KEY (account, platform, ad_account, entity_type, entity_id, date)
);

-- What a day looked like each time the platform restated it; as_of is the date
-- of the pull. The newest row equals performance.
CREATE TABLE performance_history (
    account     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    ad_account  TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id   TEXT NOT NULL,
    date        TEXT NOT NULL,
    as_of       TEXT NOT NULL,
    cost        BIGINT NOT NULL,
    value       BIGINT NOT NULL,
    conversions DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (account, platform, ad_account, entity_type, entity_id, date, as_of)
);

CREATE TABLE customers (
    account     TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    email_key   TEXT NOT NULL, -- keyed hash of the e-mail, '' if unknown
    phone_key   TEXT NOT NULL,
    email       BYTEA,         -- AES-GCM
    phone       BYTEA,         -- AES-GCM
    country     TEXT NOT NULL,
    PRIMARY KEY (account, customer_id)
);
CREATE INDEX customers_email ON customers (account, email_key);

CREATE TABLE orders (
    account     TEXT NOT NULL,
    order_id    TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    ordered_at  TIMESTAMP NOT NULL,
    order_date  TEXT NOT NULL, -- ordered_at in the shop's zone
    currency    TEXT NOT NULL,
    revenue     BIGINT NOT NULL,
    discount    BIGINT NOT NULL,
    shipping    BIGINT NOT NULL,
    tax         BIGINT NOT NULL,
    refunded    BIGINT NOT NULL,
    country     TEXT NOT NULL,
    source      TEXT NOT NULL,
    click_id    TEXT NOT NULL,
    campaign    TEXT NOT NULL, -- platform:campaign_id the last click came from, '' if none; set by the attribute stage
    PRIMARY KEY (account, order_id)
);
CREATE INDEX orders_customer ON orders (account, customer_id, order_date);
CREATE INDEX orders_date ON orders (account, order_date);

CREATE TABLE order_lines (
    account    TEXT NOT NULL,
    order_id   TEXT NOT NULL,
    line       BIGINT NOT NULL,
    sku        TEXT NOT NULL,
    quantity   DOUBLE PRECISION NOT NULL,
    unit_price BIGINT NOT NULL,
    unit_cost  BIGINT, -- NULL where unknown
    PRIMARY KEY (account, order_id, line)
);

CREATE TABLE touches (
    account     TEXT NOT NULL,
    touch_id    TEXT NOT NULL, -- hash of the row
    customer_id TEXT NOT NULL,
    visitor_id  TEXT NOT NULL,
    at          TIMESTAMP NOT NULL,
    channel     TEXT NOT NULL,
    campaign    TEXT NOT NULL,
    click_id    TEXT NOT NULL,
    PRIMARY KEY (account, touch_id)
);
CREATE INDEX touches_customer ON touches (account, customer_id, at);
CREATE INDEX touches_click ON touches (account, click_id);

CREATE TABLE carts (
    account     TEXT NOT NULL,
    cart_id     TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    visitor_id  TEXT NOT NULL,
    email_key   TEXT NOT NULL,
    email       BYTEA,
    updated_at  TIMESTAMP NOT NULL,
    value       BIGINT NOT NULL,
    skus        TEXT NOT NULL,
    PRIMARY KEY (account, cart_id)
);
CREATE INDEX carts_updated ON carts (account, updated_at);

-- The newest row per subject and purpose holds. subject is "c:" and a customer
-- id or "e:" and an email_key.
CREATE TABLE consents (
    account TEXT NOT NULL,
    subject TEXT NOT NULL,
    purpose TEXT NOT NULL,
    at      TIMESTAMP NOT NULL,
    granted BIGINT NOT NULL,
    PRIMARY KEY (account, subject, purpose, at)
);

CREATE TABLE costs (
    account   TEXT NOT NULL,
    sku       TEXT NOT NULL,
    unit_cost BIGINT NOT NULL,
    currency  TEXT NOT NULL,
    PRIMARY KEY (account, sku)
);

CREATE TABLE products (
    account      TEXT NOT NULL,
    item_id      TEXT NOT NULL,
    title        TEXT NOT NULL,
    price        BIGINT NOT NULL,
    currency     TEXT NOT NULL,
    availability TEXT NOT NULL,
    product_type TEXT NOT NULL,
    unit_cost    BIGINT, -- cost_of_goods_sold, NULL where absent
    errors       BIGINT NOT NULL,
    warnings     BIGINT NOT NULL,
    feed_date    TEXT NOT NULL,
    PRIMARY KEY (account, item_id)
);

CREATE TABLE imports (
    account     TEXT NOT NULL,
    digest      TEXT NOT NULL, -- SHA-256 of the file and its kind
    kind        TEXT NOT NULL,
    source      TEXT NOT NULL,
    rows        BIGINT NOT NULL,
    imported_at TIMESTAMP NOT NULL,
    PRIMARY KEY (account, digest)
);

CREATE TABLE runs (
    run_id      TEXT NOT NULL PRIMARY KEY, -- account/date
    account     TEXT NOT NULL,
    date        TEXT NOT NULL,
    state       TEXT NOT NULL, -- running, done, failed, skipped
    reason      TEXT NOT NULL, -- what started it: schedule, catch-up, command
    started_at  TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    policy_id   TEXT NOT NULL,
    UNIQUE (account, date)
);

CREATE TABLE stages (
    run_id      TEXT NOT NULL REFERENCES runs (run_id),
    stage       TEXT NOT NULL,
    position    BIGINT NOT NULL,
    state       TEXT NOT NULL, -- waiting, running, done, failed, skipped
    attempt     BIGINT NOT NULL,
    started_at  TIMESTAMP,
    finished_at TIMESTAMP,
    summary     TEXT NOT NULL, -- one sentence for people
    error       TEXT NOT NULL,
    fault       TEXT NOT NULL, -- kind of the error: unreachable, refused, input, other, '' for none
    PRIMARY KEY (run_id, stage)
);

-- What the models of a run came to, so that any proposal can be derived again.
CREATE TABLE models (
    run_id TEXT NOT NULL REFERENCES runs (run_id),
    kind   TEXT NOT NULL, -- lag, curve, ltv, margin, attribution, worth, feed, allocation, seed
    key    TEXT NOT NULL, -- what it is of: platform, campaign, segment; '' for the whole
    body   TEXT NOT NULL, -- JSON
    PRIMARY KEY (run_id, kind, key)
);

CREATE TABLE policies (
    policy_id  TEXT NOT NULL PRIMARY KEY, -- SHA-256 of body
    body       TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);

CREATE TABLE change_sets (
    change_set_id TEXT NOT NULL PRIMARY KEY,
    account       TEXT NOT NULL,
    run_id        TEXT NOT NULL, -- '' for rollbacks
    date          TEXT NOT NULL,
    hash          TEXT NOT NULL,
    policy_id     TEXT NOT NULL,
    created_at    TIMESTAMP NOT NULL
);

CREATE TABLE proposals (
    proposal_id   TEXT NOT NULL PRIMARY KEY,
    change_set_id TEXT NOT NULL REFERENCES change_sets (change_set_id),
    account       TEXT NOT NULL,
    run_id        TEXT NOT NULL,
    platform      TEXT NOT NULL,
    ad_account    TEXT NOT NULL,
    currency      TEXT NOT NULL,
    entity_type   TEXT NOT NULL,
    entity_id     TEXT NOT NULL,
    entity_name   TEXT NOT NULL,
    field         TEXT NOT NULL,
    seen          BIGINT NOT NULL,
    proposed      BIGINT NOT NULL,
    suggested     BIGINT NOT NULL, -- what the program proposed; differs from proposed after an edit
    state         TEXT NOT NULL,
    reason        TEXT NOT NULL,   -- of the last decision or failure
    plan_hash     TEXT NOT NULL,
    expires_at    TIMESTAMP NOT NULL,
    rollback_of   TEXT NOT NULL,   -- proposal_id or ''
    body          TEXT NOT NULL,   -- JSON: reasons, guardrails, expected, evidence
    measured      TEXT NOT NULL,   -- JSON, '' until measured
    created_at    TIMESTAMP NOT NULL,
    updated_at    TIMESTAMP NOT NULL,
    applied_at    TIMESTAMP
);
CREATE INDEX proposals_state ON proposals (account, state);
CREATE INDEX proposals_entity ON proposals (platform, ad_account, entity_type, entity_id, field);

CREATE TABLE approvals (
    approval_id TEXT NOT NULL PRIMARY KEY,
    proposal_id TEXT NOT NULL REFERENCES proposals (proposal_id),
    actor       TEXT NOT NULL, -- a user's name, or "policy:" and the policy id
    plan_hash   TEXT NOT NULL,
    seen        BIGINT NOT NULL,
    value       BIGINT NOT NULL,
    at          TIMESTAMP NOT NULL,
    expires_at  TIMESTAMP NOT NULL
);
CREATE INDEX approvals_proposal ON approvals (proposal_id);

-- One intent a proposal, ever: the primary key is what keeps a change from
-- being sent twice.
CREATE TABLE intents (
    proposal_id TEXT NOT NULL PRIMARY KEY REFERENCES proposals (proposal_id),
    approval_id TEXT NOT NULL REFERENCES approvals (approval_id),
    state       TEXT NOT NULL, -- open, sending, settled
    seen        BIGINT NOT NULL,
    value       BIGINT NOT NULL,
    created_at  TIMESTAMP NOT NULL,
    sent_at     TIMESTAMP,
    settled_at  TIMESTAMP
);

CREATE TABLE receipts (
    proposal_id  TEXT NOT NULL REFERENCES proposals (proposal_id),
    step         BIGINT NOT NULL,
    kind         TEXT NOT NULL, -- read, validate, send, read_back, settle
    at           TIMESTAMP NOT NULL,
    request_id   TEXT NOT NULL,
    outcome      TEXT NOT NULL, -- ok, changed, or a platform.Kind
    remote_value BIGINT,
    detail       TEXT NOT NULL,
    PRIMARY KEY (proposal_id, step)
);

CREATE TABLE audit (
    seq        BIGINT NOT NULL PRIMARY KEY,
    at         TIMESTAMP NOT NULL,
    account    TEXT NOT NULL,
    actor      TEXT NOT NULL,
    action     TEXT NOT NULL,
    proposal   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    request_id TEXT NOT NULL,
    prev_hash  TEXT NOT NULL,
    hash       TEXT NOT NULL
);
CREATE TABLE audit_head (
    one  BIGINT NOT NULL PRIMARY KEY,
    seq  BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (one, seq, hash) VALUES (1, 0, '');

CREATE TABLE settings (
    key        TEXT NOT NULL PRIMARY KEY, -- kill_switch, ...
    value      TEXT NOT NULL,
    actor      TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL
);

CREATE TABLE api_usage (
    platform   TEXT NOT NULL,
    ad_account TEXT NOT NULL,
    date       TEXT NOT NULL, -- UTC
    operations BIGINT NOT NULL,
    op_limit   BIGINT NOT NULL,
    PRIMARY KEY (platform, ad_account, date)
);

CREATE TABLE audience_lists (
    account    TEXT NOT NULL,
    platform   TEXT NOT NULL,
    name       TEXT NOT NULL,
    kind       TEXT NOT NULL, -- retargeting, seed, lookalike
    remote_id  TEXT NOT NULL,
    summary    TEXT NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    PRIMARY KEY (account, platform, name)
);

-- Who is on a list as far as the platform was told. person is "c:" and a
-- customer id or "e:" and an email_key.
CREATE TABLE audience_members (
    account    TEXT NOT NULL,
    platform   TEXT NOT NULL,
    list       TEXT NOT NULL,
    person     TEXT NOT NULL,
    state      TEXT NOT NULL, -- present, removing, removed
    why        TEXT NOT NULL,
    request_id TEXT NOT NULL, -- of the newest change: the proof
    changed_at TIMESTAMP NOT NULL,
    PRIMARY KEY (account, platform, list, person)
);

CREATE TABLE users (
    name          TEXT NOT NULL PRIMARY KEY,
    role          TEXT NOT NULL, -- viewer, approver, admin
    password_hash TEXT NOT NULL, -- argon2id, '' until set
    created_at    TIMESTAMP NOT NULL
);

CREATE TABLE sessions (
    token_hash TEXT NOT NULL PRIMARY KEY,
    user_name  TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    created_at TIMESTAMP NOT NULL,
    seen_at    TIMESTAMP NOT NULL
);

CREATE TABLE login_links (
    token_hash TEXT NOT NULL PRIMARY KEY,
    user_name  TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,
    expires_at TIMESTAMP NOT NULL,
    used_at    TIMESTAMP
);

-- +goose Down
DROP TABLE login_links;
DROP TABLE sessions;
DROP TABLE users;
DROP TABLE audience_members;
DROP TABLE audience_lists;
DROP TABLE api_usage;
DROP TABLE settings;
DROP TABLE audit_head;
DROP TABLE audit;
DROP TABLE receipts;
DROP TABLE intents;
DROP TABLE approvals;
DROP TABLE proposals;
DROP TABLE change_sets;
DROP TABLE policies;
DROP TABLE models;
DROP TABLE stages;
DROP TABLE runs;
DROP TABLE imports;
DROP TABLE products;
DROP TABLE costs;
DROP TABLE consents;
DROP TABLE carts;
DROP TABLE touches;
DROP TABLE order_lines;
DROP TABLE orders;
DROP TABLE customers;
DROP TABLE performance_history;
DROP TABLE performance;
DROP TABLE change_events;
DROP TABLE entity_history;
DROP TABLE entities;
DROP TABLE ad_accounts;
