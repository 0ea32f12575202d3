-- Work to be done, one job of a kind for a key.
CREATE TABLE jobs (
    id {{identity}},
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    -- Of the jobs of a lane one runs at a time, in their order.
    lane TEXT,
    payload TEXT NOT NULL,
    priority BIGINT NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    -- Counts the claims. Who claimed it before the last time has lost it.
    token BIGINT NOT NULL,
    -- Counts the signs of life of whoever works on it.
    beat BIGINT NOT NULL,
    worker TEXT,
    ready_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    last_error TEXT,
    UNIQUE (kind, key)
);
CREATE INDEX jobs_next ON jobs (priority DESC, id) WHERE state = 'ready';
CREATE INDEX jobs_by_lane ON jobs (lane, id) WHERE state = 'ready';
CREATE UNIQUE INDEX jobs_one_in_a_lane ON jobs (lane) WHERE state = 'running';
CREATE INDEX jobs_by_state ON jobs (state, changed_at);

-- What a client of the API sent under a key of its own, so that it is done once.
CREATE TABLE requests (
    source TEXT NOT NULL,
    key TEXT NOT NULL,
    digest TEXT NOT NULL,
    build TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (source, key)
);
