-- Accounts that operators made. Times in µs since 1970. ``options`` is JSON without the account's
-- API key, which is sealed for this table, its row and its column.
CREATE TABLE accounts (
    name TEXT NOT NULL PRIMARY KEY,
    options TEXT NOT NULL,
    api_key <blob> NOT NULL,
    revision TEXT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL
);

-- How often operators asked that what speaks against an account be forgotten, of a file's too.
CREATE TABLE account_resets (
    name TEXT NOT NULL PRIMARY KEY,
    count BIGINT NOT NULL
);

-- One row, counted up by every change: all relays look at it every two seconds.
CREATE TABLE accounts_version (
    one BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO accounts_version (one, version) VALUES (1, 0);

-- What operators did, but for keys, which have rows of their own. Signed as those.
CREATE TABLE admin_audit (
    revision TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    fields TEXT NOT NULL,
    secret BIGINT NOT NULL,
    signature <blob> NOT NULL
);
CREATE INDEX admin_audit_by_time ON admin_audit (at)
