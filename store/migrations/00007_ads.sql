-- Single ads and their days, of what shows people pictures or films.

-- +goose Up

CREATE TABLE ads (
    account    TEXT NOT NULL,
    platform   TEXT NOT NULL,
    ad_account TEXT NOT NULL,
    ad_id      TEXT NOT NULL,
    name       TEXT NOT NULL, -- '' where the platform has none
    campaign   TEXT NOT NULL, -- the platform's id
    ad_set     TEXT NOT NULL, -- likewise; Google's ad group
    PRIMARY KEY (account, platform, ad_account, ad_id)
);

CREATE TABLE ad_days (
    account     TEXT NOT NULL,
    platform    TEXT NOT NULL,
    ad_account  TEXT NOT NULL,
    ad_id       TEXT NOT NULL,
    date        TEXT NOT NULL,
    cost        BIGINT NOT NULL,
    conversions DOUBLE PRECISION NOT NULL,
    clicks      BIGINT NOT NULL,
    impressions BIGINT NOT NULL,
    PRIMARY KEY (account, platform, ad_account, date, ad_id)
);

-- +goose Down

DROP TABLE ad_days;
DROP TABLE ads;
