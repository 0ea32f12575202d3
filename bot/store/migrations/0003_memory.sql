-- What is remembered of builds and causes, in the shape in which it is asked for. Counts are kept beside
-- what they count, so that no page reads more rows than it shows. {{exact}} compares texts byte by byte.

-- A line of development, whose builds follow each other: a branch of a tree (kind 'branch'), a patch series or
-- a pull request ('change').
CREATE TABLE branches (
    id {{identity}},
    kind TEXT NOT NULL,
    tree TEXT NOT NULL,
    name TEXT NOT NULL,
    checkout BIGINT NOT NULL,
    open_causes BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    UNIQUE (tree, name)
);
CREATE INDEX branches_by_time ON branches (kind, last_seen_at, id);
CREATE INDEX branches_of_tree ON branches (tree, last_seen_at, id);

-- A state of a line that was built: a commit, a version of a series. A later one has a larger id.
CREATE TABLE checkouts (
    id {{identity}},
    branch BIGINT NOT NULL,
    key TEXT NOT NULL,
    commit_id TEXT,
    title TEXT,
    url TEXT,
    passed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    empty BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    UNIQUE (branch, key)
);
CREATE INDEX checkouts_of_branch ON checkouts (branch, id);

ALTER TABLE builds ADD COLUMN checkout BIGINT;
ALTER TABLE builds ADD COLUMN cell TEXT;
ALTER TABLE builds ADD COLUMN name TEXT;
ALTER TABLE builds ADD COLUMN url TEXT;
CREATE INDEX builds_of_checkout ON builds (checkout, id);
CREATE INDEX builds_with_report ON builds (received_at, id) WHERE report IS NOT NULL;

-- What a line is built as (architecture, configuration, compiler), and the last state that passed.
CREATE TABLE cells (
    branch BIGINT NOT NULL,
    cell TEXT NOT NULL,
    passed BIGINT NOT NULL,
    PRIMARY KEY (branch, cell)
);

-- Builds of a line by day (days since 1970 in UTC).
CREATE TABLE branch_days (
    branch BIGINT NOT NULL,
    day BIGINT NOT NULL,
    builds BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    PRIMARY KEY (branch, day)
);

ALTER TABLE causes ADD COLUMN kind TEXT NOT NULL DEFAULT 'code';
ALTER TABLE causes ADD COLUMN place TEXT NOT NULL DEFAULT '';
ALTER TABLE causes ADD COLUMN state TEXT NOT NULL DEFAULT 'open';
ALTER TABLE causes ADD COLUMN open_branches BIGINT NOT NULL DEFAULT 0;
ALTER TABLE causes ADD COLUMN branches BIGINT NOT NULL DEFAULT 0;
ALTER TABLE causes ADD COLUMN fixed_at BIGINT;
CREATE INDEX causes_by_state ON causes (state, last_seen_at, fingerprint);
CREATE INDEX causes_by_birth ON causes (first_seen_at, fingerprint);
CREATE INDEX causes_by_class ON causes (class, last_seen_at, fingerprint);

-- The cause as the last report had it, in JSON.
CREATE TABLE cause_details (
    fingerprint TEXT PRIMARY KEY,
    detail TEXT NOT NULL
);

ALTER TABLE cause_builds ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX cause_builds_by_time ON cause_builds (fingerprint, seen_at, build);

-- Occurrences by day.
CREATE TABLE cause_days (
    fingerprint TEXT NOT NULL,
    day BIGINT NOT NULL,
    builds BIGINT NOT NULL,
    PRIMARY KEY (fingerprint, day)
);

-- A cause on a line. It is open while a cell that had it has not passed in a later state.
CREATE TABLE cause_branches (
    fingerprint TEXT NOT NULL,
    branch BIGINT NOT NULL,
    state TEXT NOT NULL,
    builds BIGINT NOT NULL,
    open_cells BIGINT NOT NULL,
    first_checkout BIGINT NOT NULL,
    last_checkout BIGINT NOT NULL,
    fixed_checkout BIGINT,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    fixed_at BIGINT,
    PRIMARY KEY (fingerprint, branch)
);
CREATE INDEX cause_branches_by_state ON cause_branches (branch, state, last_seen_at, fingerprint);
CREATE INDEX cause_branches_by_end ON cause_branches (branch, fixed_at, fingerprint) WHERE state = 'fixed';

CREATE TABLE cause_cells (
    branch BIGINT NOT NULL,
    cell TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    checkout BIGINT NOT NULL,
    is_open BIGINT NOT NULL,
    PRIMARY KEY (branch, cell, fingerprint)
);
CREATE INDEX cause_cells_open ON cause_cells (branch, cell) WHERE is_open = 1;
CREATE INDEX cause_cells_of_cause ON cause_cells (fingerprint, branch);

-- What was proposed, and where the cause went away after that.
CREATE TABLE cause_fixes (
    fingerprint TEXT NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    applicability TEXT NOT NULL,
    title TEXT NOT NULL,
    patch TEXT,
    proposed_at BIGINT NOT NULL,
    worked_at BIGINT,
    worked_in BIGINT,
    PRIMARY KEY (fingerprint, digest)
);

-- What people said of a cause, all of it; the last word stands in the cause.
CREATE TABLE cause_verdicts (
    fingerprint TEXT NOT NULL,
    said_at BIGINT NOT NULL,
    said_by TEXT NOT NULL,
    verdict TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (fingerprint, said_at, said_by)
);

-- Words by which causes are found: symbols, files, classes, trees. In lower case.
CREATE TABLE words (
    word TEXT {{exact}} PRIMARY KEY
);
CREATE TABLE cause_words (
    word TEXT {{exact}} NOT NULL,
    first_seen_at BIGINT NOT NULL,
    fingerprint TEXT NOT NULL,
    PRIMARY KEY (word, first_seen_at, fingerprint)
);
CREATE INDEX cause_words_of_cause ON cause_words (fingerprint);

CREATE INDEX said_by_cause ON said (fingerprint);
