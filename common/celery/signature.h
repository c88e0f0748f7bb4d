#pragma once
/* Canvas: what a Celery task that has ended sends on. A signature is a task that is still to be sent, an object {task, args, kwargs,
 * options, subtask_type, immutable}; chains, groups and chords are signatures too, whose kwargs hold others. A message carries those
 * that follow it: callbacks, errbacks, chain (reversed: the last element runs next) and chord.
 * https://docs.celeryq.dev/en/stable/userguide/canvas.html; the encoding is that of Celery 5.
 *
 * This plans and sends nothing. A plan made twice is the same plan: a task without an id of its own gets one that follows from the
 * task before it and its place, so that what was sent twice is recognised as the same. */
#include "common/celery/message.h"

enum {
    CANVAS_DEPTH_MAX = 32,     /* signatures within signatures */
    CANVAS_SENDS_MAX = 100000, /* messages of one plan */
};

/* So many tasks of this group end before its chord's body runs: `celery-taskset-meta-<group>.s`, set before any of them is sent. */
struct canvas_size {
    const char *group;
    int64_t members;
};

/* A task that will never run because one before it failed: its result is that failure. */
struct canvas_heir {
    const char *id;
    const char *group;   /* with `chord`: it would have been a member, and counts as one that failed */
    int64_t group_index; /* -1: none */
    const char *chord;   /* JSON, the body's signature; NULL: none */
};

/* Everything in it lives as long as the region it was made with. routing_key is NULL where a signature names no queue: it goes
 * wherever the caller sends tasks of that name. */
struct canvas_plan {
    struct celery_message *sends;
    size_t send_count;
    struct canvas_size *sizes;
    size_t size_count;
    struct canvas_heir *heirs;
    size_t heir_count;
};

/* `ended` was a success; `result` is JSON. Callbacks get it as their first argument, and so does the chain's next step, unless they
 * are immutable. ERR_DATA or ERR_LIMIT: a signature is not one. */
bool canvas_succeeded(const struct celery_message *ended, const char *result, struct region *r, struct canvas_plan *out, struct err *e);

/* `ended` will not be run again, and was no success. Errbacks get its id as their first argument; the rest of the chain inherits. */
bool canvas_failed(const struct celery_message *ended, struct region *r, struct canvas_plan *out, struct err *e);

/* All members of a chord are there, `ended` was the last: its body gets the array of their results (JSON). */
bool canvas_joined(const struct celery_message *ended, const char *results, struct region *r, struct canvas_plan *out, struct err *e);

/* A member of the chord with this body has failed: the body is the plan's first heir, and its own errbacks get its id. `root_id` is the
 * member's. */
bool canvas_torn(const char *body, const char *root_id, struct region *r, struct canvas_plan *out, struct err *e);

/* What a member leaves in the sorted set of its group, `celery-taskset-meta-<group>.j`, at the score of its index (+inf for none):
 * [1, id, state, result]. A set compares whole texts: one that is there already with another result has to be taken out first. */
void canvas_member_write(const char *id, const char *state, const char *result, struct text *out);

/* Read one back. `state` and `id` live in `r`, `result` is JSON. */
struct canvas_member {
    const char *id, *state, *result;
};
bool canvas_member_read(const char *text, size_t len, struct region *r, struct canvas_member *out, struct err *e);
