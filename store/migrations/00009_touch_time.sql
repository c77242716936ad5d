-- A night looks at the touches of some weeks: without this it goes through those of
-- all accounts and years.

-- +goose Up

CREATE INDEX touches_at ON touches (account, at);

-- +goose Down

DROP INDEX touches_at;
