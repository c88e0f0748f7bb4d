#pragma once
/* A seat: a child's place in a worker's pool, and the right to write for the tasks it holds. Every write shows the seat's
 * epoch; ERR_FENCED says that the seat was taken away and nothing was written. */
#include "common/db/pg.h"

struct seat_key {
    struct uuid worker;
    int seat;
    int64_t epoch;
    int pid; /* of the child, for the attempt table */
};

enum { SEAT_APPLICATION_MAX = 64, CLAIM_MAX = 500 };

/* The application_name of the sessions of a seat: how the server's list of sessions tells whose they are. */
const char *seat_application(struct uuid worker, int seat, char out[static SEAT_APPLICATION_MAX]);

/* How an attempt ended. */
enum outcome {
    OUTCOME_SUCCESS,
    OUTCOME_FAILED,
    OUTCOME_CRASHED,
    OUTCOME_LIMIT,
    OUTCOME_LOST,
    OUTCOME_CANCELLED,
    OUTCOME_EXPIRED,
    OUTCOME_RETURNED, /* not counted */
    OUTCOME_SNOOZED   /* not counted either: it runs again after retry_after */
};

const char *outcome_name(enum outcome outcome);

struct attempt_end {
    enum outcome outcome;
    bool retryable;
    usec_t retry_after;
    usec_t started_at, ended_at;
    const char *result; /* JSON or NULL */
    const char *error;  /* or NULL */
    int signal, exit_code; /* 0, -1: none */
    int64_t peak_rss, cpu_ms; /* -1: unknown */
    int64_t progress_value, end_value; /* -1: untold */
    const char *progress_message; /* or NULL */
};

struct settlement;

/* Take the seat: whoever held it before writes nothing any more; key->epoch is set. */
bool seat_take(struct pg *pg, struct seat_key *key, struct err *e);

/* Release what its last holder held: `ran` is settled (NULL: nothing), `lost` is the task that was running when it died (zero: none), `how` how that
 * ended (NULL: it did not); all else goes back uncounted. ERR_DATA: the server will never take a text of `ran`. */
bool seat_empty(struct pg *pg, const struct seat_key *key, const struct settlement *ran, struct uuid lost, const struct attempt_end *how, struct err *e);

/* Both, for a holder of which nothing is known. */
bool seat_open(struct pg *pg, struct seat_key *key, struct err *e);

/* On a new connection after a lost one: a new epoch, so that what was sent on the old one cannot happen any more. */
bool seat_raise(struct pg *pg, struct seat_key *key, struct err *e);

/* Give back, uncounted, whatever the seat holds. */
bool seat_release(struct pg *pg, const struct seat_key *key, int *count, struct err *e);

/* What is to be settled of one claim. Plain successes are the places whose element of `started` is not 0. */
struct settlement {
    int64_t fence; /* 0: nothing is to be settled */
    size_t count;  /* places of the claim */
    int64_t started[CLAIM_MAX], ended[CLAIM_MAX];
    size_t plain;  /* how many of them are plain successes */
    bool has_ties;
    struct other {
        int place;
        struct attempt_end end;
    } *others;
    size_t other_count;
};

/* Fill `calls` with the statements that settle; answers how many. Answers of settle_one tell by false, of settle_plain by a
 * smaller number, that a task was no longer held. */
enum { SETTLE_CALLS_MAX = CLAIM_MAX + 1 };
size_t settle_calls(const struct settlement *s, const struct seat_key *key, struct pg_call *calls);

/* Before a transaction of a handler commits: hold the seat; `xid` names the transaction for xact_committed(). */
bool seat_before_commit(struct pg *pg, const struct seat_key *key, struct text *xid, struct err *e);

/* After ERR_UNCERTAIN, on a new connection: did the transaction commit? Asks until the server knows. */
bool xact_committed(struct pg *pg, const char *xid, bool *committed, struct err *e);
