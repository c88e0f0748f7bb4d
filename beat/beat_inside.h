#pragma once
/* Inside beat: what its rooms share. beat.c turns the loop, beat_lead asks who leads and what has changed, beat_rows takes definitions in, beat_emit
 * emits what is due. */
#include "beat/alarm.h"
#include "beat/beat.h"
#include "beat/scheduler.h"
#include "beat/store.h"

struct beat {
    const struct config *config;
    struct config *(*reread)(struct err *e);
    struct config *reloaded; /* the same as config once there was a reload */
    struct pg_options direct, pooled; /* url NULL: there is none */
    struct pg *pg, *listener;         /* the same connection where it is direct; NULL: none */
    struct alarm alarm;
    struct scheduler *scheduler;
    struct uuid id;
    usec_t term, look;

    bool leads;
    int64_t epoch;
    usec_t lease_end; /* CLOCK_BOOTTIME, as the next seven */
    usec_t renew_at, look_at, prune_at, failing_at, listen_at, declare_at, zones_at;
    usec_t offset;  /* the store's clock minus CLOCK_BOOTTIME */
    bool clock_bad; /* it and this machine's wall clock are too far apart */
    bool clock_warned;

    char *failing_to; /* schedules up to this name were looked at for failures; NULL: begin anew */
    bool declared;    /* the file's schedules are in the table */
    int64_t revision; /* of the newest definition that was read */
    bool more_changes;        /* and there are newer ones */
    int64_t overdue_revision; /* up to there overdue schedules were read again since this beat leads */
    bool more_overdue;
    struct placement places[STORE_PAGE];
    size_t place_count;
    int64_t emitted, missed; /* ticks, since it was logged */
    usec_t backoff;
};

/* What the store's clock says now. */
static inline usec_t beat_store_now(const struct beat *b)
{
    return clock_boot() + b->offset;
}

/* Take in a row, and remember what the store is to be told about it: `data` is the beat. At most STORE_PAGE before beat_write_places(). */
void beat_take_row(void *data, const struct schedule_row *row);

/* The leader writes down what it found; others only forget it. */
bool beat_write_places(struct beat *b, struct err *e);
void beat_forget_places(struct beat *b);

/* New definitions: all of them, but a page a turn while this beat leads, so that a million new ones hold up neither what
 * is due nor the lease. */
bool beat_read_changes(struct beat *b, struct err *e);

/* Since the lease was taken: the marks of the schedules that are overdue, or were never looked at, as the store has them. This
 * beat moved past what its predecessor may not have emitted. A page a turn. */
bool beat_read_overdue(struct beat *b, struct err *e);

/* Everything that is asked regularly: the lease, the file's schedules, changed rows, old ticks, schedules that fail. */
bool beat_look(struct beat *b, struct err *e);

/* Whether this beat leads, and may until the moment it asked for. */
bool beat_lease_holds(const struct beat *b);
void beat_stop_leading(struct beat *b, const char *reason);

/* Emit until nothing is due, or something else is to be done first. */
bool beat_emit_due(struct beat *b, struct err *e);
