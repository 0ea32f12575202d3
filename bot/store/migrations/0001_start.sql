-- {{identity}} is filled in per database: a number that counts by itself. All else is the same
-- text for SQLite and PostgreSQL. Times are milliseconds since 1970 in UTC; lists are JSON.

-- What came in, so that it is handled once: a mail by its Message-ID, a delivery by its id.
CREATE TABLE inbox (
    channel TEXT NOT NULL,
    id TEXT NOT NULL,
    verdict TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (channel, id)
);
CREATE INDEX inbox_by_time ON inbox (received_at);

-- A patch series in one version, or a pull request at one head.
CREATE TABLE series (
    channel TEXT NOT NULL,
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    place TEXT NOT NULL,
    subject TEXT NOT NULL,
    author TEXT NOT NULL,
    base TEXT,
    messages TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (channel, id, version)
);

-- A build that was reported, with its report.
CREATE TABLE builds (
    id TEXT PRIMARY KEY,
    series TEXT,
    version BIGINT NOT NULL,
    status TEXT NOT NULL,
    axes TEXT NOT NULL,
    report TEXT,
    received_at BIGINT NOT NULL
);
CREATE INDEX builds_by_time ON builds (received_at);
CREATE INDEX builds_by_series ON builds (series, version);

-- A cause, known by its fingerprint, and what people said of it.
CREATE TABLE causes (
    fingerprint TEXT PRIMARY KEY,
    class TEXT NOT NULL,
    title TEXT NOT NULL,
    builds BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    verdict TEXT,
    verdict_detail TEXT,
    verdict_by TEXT,
    verdict_at BIGINT
);
CREATE INDEX causes_by_time ON causes (last_seen_at);

CREATE TABLE cause_builds (
    fingerprint TEXT NOT NULL,
    build TEXT NOT NULL,
    PRIMARY KEY (fingerprint, build)
);
CREATE INDEX cause_builds_by_build ON cause_builds (build);

-- What goes out.
CREATE TABLE outbox (
    key TEXT PRIMARY KEY,
    channel TEXT NOT NULL,
    place TEXT NOT NULL,
    thread TEXT NOT NULL,
    version BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    recipients TEXT NOT NULL,
    marker TEXT NOT NULL,
    content TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT,
    state_since BIGINT NOT NULL,
    last_error TEXT,
    remote TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (channel, marker)
);
CREATE INDEX outbox_due ON outbox (channel, state, next_attempt_at);
CREATE INDEX outbox_by_thread ON outbox (channel, thread, version);

-- Which cause was said where: once per thread and version.
CREATE TABLE said (
    channel TEXT NOT NULL,
    thread TEXT NOT NULL,
    version BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    reply TEXT NOT NULL,
    PRIMARY KEY (channel, thread, version, fingerprint)
);
CREATE INDEX said_by_reply ON said (reply);

-- Who and what is left alone: a person, a tree, a list, a thread.
CREATE TABLE stops (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    said_by TEXT NOT NULL,
    said_in TEXT NOT NULL,
    said_at BIGINT NOT NULL,
    PRIMARY KEY (kind, subject)
);

-- What people told the bot to do.
CREATE TABLE commands (
    message TEXT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT NOT NULL,
    argument TEXT,
    said_by TEXT NOT NULL,
    thread TEXT NOT NULL,
    outcome TEXT NOT NULL,
    said_at BIGINT NOT NULL,
    PRIMARY KEY (message, position)
);

-- What the bot did, in the order in which it did it.
CREATE TABLE audit (
    id {{identity}},
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_by_time ON audit (at);
