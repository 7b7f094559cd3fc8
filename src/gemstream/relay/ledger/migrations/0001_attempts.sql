-- A row for each attempt, written before it is sent. Times in µs, money in micro-dollars.
CREATE TABLE attempts (
    request_id TEXT NOT NULL,
    attempt_no BIGINT NOT NULL,
    status TEXT NOT NULL,
    replica TEXT NOT NULL,
    key_id TEXT NOT NULL,
    account TEXT NOT NULL,
    surface TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    started BIGINT NOT NULL,
    reserved_tokens BIGINT NOT NULL,
    reserved_micros BIGINT NOT NULL,
    noted BIGINT,
    http_status BIGINT,
    prompt_tokens BIGINT,
    cached_tokens BIGINT,
    cache_creation_tokens BIGINT,
    candidates_tokens BIGINT,
    thoughts_tokens BIGINT,
    tool_use_tokens BIGINT,
    total_tokens BIGINT,
    modalities TEXT,
    usage TEXT,
    cost BIGINT,
    price_version TEXT,
    is_estimated BIGINT NOT NULL DEFAULT 0,
    first_chunk BIGINT,
    duration BIGINT,
    bytes BIGINT NOT NULL DEFAULT 0,
    chunks BIGINT NOT NULL DEFAULT 0,
    finish_reason TEXT NOT NULL DEFAULT '',
    upstream_id TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    is_rolled BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (request_id, attempt_no)
);
-- Of the rows that no daily sum holds yet.
CREATE INDEX attempts_by_key ON attempts (key_id, started) WHERE is_rolled = 0;
CREATE INDEX attempts_by_time ON attempts (started);
-- By the primary key: Postgres may take this index for one row too, before it knows the table.
CREATE INDEX attempts_open ON attempts (request_id, attempt_no) WHERE status = 'open';
CREATE INDEX attempts_rolling ON attempts (is_rolled) WHERE is_rolled = 2;

-- What the rows of a finished day came to, in place of them in every sum (is_rolled = 1) and still
-- there when they are deleted for their age. The day counts from 1970-01-01, UTC.
CREATE TABLE daily (
    day BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    account TEXT NOT NULL,
    surface TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    requests BIGINT NOT NULL,
    estimated BIGINT NOT NULL,
    unpriced BIGINT NOT NULL,
    prompt_tokens BIGINT NOT NULL,
    cached_tokens BIGINT NOT NULL,
    cache_creation_tokens BIGINT NOT NULL,
    candidates_tokens BIGINT NOT NULL,
    thoughts_tokens BIGINT NOT NULL,
    tool_use_tokens BIGINT NOT NULL,
    total_tokens BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    chunks BIGINT NOT NULL,
    PRIMARY KEY (day, key_id, account, surface, operation, model, status)
);
CREATE INDEX daily_by_key ON daily (key_id, day);

-- The processes that write here and when they last said that they live.
CREATE TABLE replicas (
    replica TEXT NOT NULL PRIMARY KEY,
    started BIGINT NOT NULL,
    heartbeat BIGINT NOT NULL
)
