-- Schedules and their ticks. The primary key of `tick` is what makes one task per (schedule, tick) out of any number of beats.

CREATE TABLE drumbeat.schedule (
    name           text PRIMARY KEY CHECK (name <> ''),
    handler        text NOT NULL,
    args           jsonb NOT NULL DEFAULT '{}',
    specs          text[] NOT NULL CHECK (cardinality(specs) > 0),
    exclude        text[] NOT NULL DEFAULT '{}',
    tz             text,
    queue          text,
    priority       integer,
    tenant         text,
    enabled        boolean NOT NULL DEFAULT true,
    catchup        text NOT NULL DEFAULT 'last' CHECK (catchup IN ('last', 'all', 'none')),
    catchup_window interval NOT NULL DEFAULT '1 hour',
    overlap        text NOT NULL DEFAULT 'allow' CHECK (overlap IN ('allow', 'skip', 'queue_one', 'replace', 'cancel_other')),
    jitter         interval NOT NULL DEFAULT '0',
    start_at       timestamptz,
    end_at         timestamptz,
    source         text NOT NULL DEFAULT 'sql' CHECK (source IN ('file', 'sql')),
    revision       bigint NOT NULL DEFAULT 1,
    last_tick      timestamptz,   -- nominal; everything up to it is dealt with
    next_tick      timestamptz,   -- nominal; NULL: never, or not yet computed
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE drumbeat.tick (
    schedule    text NOT NULL,
    tick_at     timestamptz NOT NULL,
    task_id     uuid,              -- NULL: skipped by the overlap policy
    emitted_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    emitted_by  uuid NOT NULL,
    epoch       bigint NOT NULL,
    lateness_ms bigint NOT NULL,
    PRIMARY KEY (schedule, tick_at)
);

-- One row: which beat emits. Correctness does not rest on it.
CREATE TABLE drumbeat.beat_lease (
    one    boolean PRIMARY KEY DEFAULT true CHECK (one),
    holder uuid,
    epoch  bigint NOT NULL DEFAULT 0,
    until  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO drumbeat.beat_lease DEFAULT VALUES;
