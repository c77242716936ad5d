-- E-mails and phones that several customers have, or had: found when customers come,
-- so that a night need not go through all of them.

-- +goose Up

CREATE TABLE shared_contacts (
    account TEXT NOT NULL,
    kind    TEXT NOT NULL, -- email, phone
    key     TEXT NOT NULL, -- keyed hash, as customers have it
    PRIMARY KEY (account, kind, key)
);
INSERT INTO shared_contacts (account, kind, key) SELECT account, 'email', email_key FROM customers WHERE email_key <> '' GROUP BY account, email_key HAVING COUNT(*) > 1;
INSERT INTO shared_contacts (account, kind, key) SELECT account, 'phone', phone_key FROM customers WHERE phone_key <> '' GROUP BY account, phone_key HAVING COUNT(*) > 1;

-- +goose Down

DROP TABLE shared_contacts;
