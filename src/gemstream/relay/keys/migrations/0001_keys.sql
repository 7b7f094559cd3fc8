-- Callers' keys. Times in µs since 1970. ``options`` is JSON without the key's text, which is
-- nowhere: a key is known by digests under a pepper that is in no database.
CREATE TABLE keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    options TEXT NOT NULL,
    revision TEXT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    revoked BIGINT
);
CREATE UNIQUE INDEX keys_by_name ON keys (name) WHERE revoked IS NULL;

-- What opens a key: one digest for ever, and after a rotation the old one until its grace is over.
CREATE TABLE key_secrets (
    key_id TEXT NOT NULL,
    digest <blob> NOT NULL,
    pepper BIGINT NOT NULL,
    last4 TEXT NOT NULL,
    until BIGINT,
    PRIMARY KEY (key_id, digest)
);

-- One row, counted up by every change: all relays look at it every two seconds.
CREATE TABLE keys_version (
    one BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);
INSERT INTO keys_version (one, version) VALUES (1, 0);

-- What operators did; keys by their ids, never their text. Signed with a key that is not here.
CREATE TABLE key_audit (
    revision TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    key_id TEXT NOT NULL,
    fields TEXT NOT NULL,
    secret BIGINT NOT NULL,
    signature <blob> NOT NULL
);
CREATE INDEX key_audit_by_time ON key_audit (at)
