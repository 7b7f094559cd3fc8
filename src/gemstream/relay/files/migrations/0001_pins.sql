-- Which account has a resource, and whose it is. Times in µs since 1970. A name is unique within an
-- account: who makes it anew is the one who has it.
CREATE TABLE pins (
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    created BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);
CREATE INDEX pins_by_key ON pins (key_id, created, name);
CREATE INDEX pins_by_end ON pins (expires);
