#pragma once
/* `drumbeat doctor`: a check is a function and a row of checks.c. It looks at one thing, says what it found and, when that
 * is not good, how to mend it. */
#include "cli/session.h"
#include "common/base/text.h"

enum verdict { VERDICT_NONE, VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

/* What the checks share. */
struct doctor {
    struct session session;
    bool configured, connected, migrated; /* how far we came: later checks need it */
    bool local;                           /* the server is on this machine */
    bool pooled;                          /* something between us and the server changes connections */
};

struct finding {
    enum verdict verdict; /* NONE: there was nothing to look at */
    struct text reason, mend;
};

struct check {
    const char *name; /* NULL ends the table */
    void (*look)(struct doctor *d, struct finding *f);
    bool *(*needs)(struct doctor *d); /* what must be true before; NULL: nothing */
};

extern const struct check checks[];

/* Say what was found. */
void found(struct finding *f, enum verdict verdict, const char *format, ...) __attribute__((format(printf, 3, 4)));
void mend(struct finding *f, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The server: configuration, connection, version, settings, transactions, notifications, clock. */
void check_config(struct doctor *d, struct finding *f);
void check_database(struct doctor *d, struct finding *f);
void check_version(struct doctor *d, struct finding *f);
void check_schema(struct doctor *d, struct finding *f);
void check_role(struct doctor *d, struct finding *f);
void check_durability(struct doctor *d, struct finding *f);
void check_connections(struct doctor *d, struct finding *f);
void check_autovacuum(struct doctor *d, struct finding *f);
void check_transactions(struct doctor *d, struct finding *f);
void check_pooler(struct doctor *d, struct finding *f);
void check_notify(struct doctor *d, struct finding *f);
void check_clock(struct doctor *d, struct finding *f);
void check_disk(struct doctor *d, struct finding *f);

/* Redis, where one is configured or needed. */
void check_redis(struct doctor *d, struct finding *f);

/* The work: workers, beat, what waits. */
void check_workers(struct doctor *d, struct finding *f);
void check_unknown(struct doctor *d, struct finding *f);
void check_unserved(struct doctor *d, struct finding *f);
void check_waiting(struct doctor *d, struct finding *f);
void check_stuck(struct doctor *d, struct finding *f);
void check_paused(struct doctor *d, struct finding *f);
void check_limits(struct doctor *d, struct finding *f);
void check_history(struct doctor *d, struct finding *f);
void check_beat(struct doctor *d, struct finding *f);

/* This machine, and what is upstream. */
void check_files(struct doctor *d, struct finding *f);
void check_memory(struct doctor *d, struct finding *f);
void check_results(struct doctor *d, struct finding *f);
void check_overcommit(struct doctor *d, struct finding *f);
void check_cgroup(struct doctor *d, struct finding *f);
void check_upstreams(struct doctor *d, struct finding *f);
