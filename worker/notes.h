#pragma once
/* Notes: how those attempts of a child ended that nobody has settled yet. They lie on the board, so that they outlive the child and others can
 * settle by them: the keeper while the child is busy with one that takes long, whoever releases the seat when the child is dead. The
 * child is the only writer and settles by them itself whenever it can. Settling twice does no harm: what a claim's fence does not
 * hold any more is left alone.
 *
 *     child:   notes_begin -> [ notes_add -> notes_publish ]* -> settle -> notes_forget -> …
 *     others:  notes_copy -> notes_settlement -> settle */
#include "common/store/seat.h"
#include "common/store/tally.h"

#include <stdatomic.h>

enum { NOTES_TEXT_MAX = 64 << 10 };

/* Of every attempt, and what is counted once it is settled. */
struct note {
    int16_t place;
    int16_t detail; /* which of `details` tells the rest, from 1; 0: a plain success */
    int16_t series;
    int16_t outcome;            /* enum tally_outcome; TALLY_OUTCOMES: nothing that counts */
    usec_t started_at, ended_at;
    usec_t waited;              /* negative: unknown */
};

/* Of one that is not a plain success: texts are places in `text`, 0 for none. */
struct note_detail {
    enum outcome outcome;
    bool retryable;
    uint32_t result, error, progress_message;
    usec_t retry_after;
    int64_t peak_rss, cpu_ms, progress_value, end_value;
};

struct notes {
    _Atomic uint32_t turn;      /* odd while the record begins anew */
    _Atomic uint32_t published; /* notes that others may settle by */
    _Atomic uint32_t text_used;
    uint32_t count, detail_count; /* the child's own: the last ones may not be published */
    int64_t fence;
    int places;      /* of the claim */
    int16_t order[CLAIM_MAX]; /* in which they run */
    bool has_ties;   /* struct settlement */
    bool light;      /* the claim is in Redis alone */
    bool unstorable; /* the server will never take the texts */
    struct note note[CLAIM_MAX];
    struct note_detail detail[CLAIM_MAX];
    char text[NOTES_TEXT_MAX];
};

/* A new claim; its places in the order in which they run. */
void notes_begin(struct notes *n, int64_t fence, const int *order, int places, bool has_ties, bool light);

/* How one ended: started_at and ended_at of the note are those of `end`. False: its texts find no room, and it is not noted. */
bool notes_add(struct notes *n, struct note note, const struct attempt_end *end);

/* What was added has happened for good. */
void notes_publish(struct notes *n);

/* What was added since has not. */
void notes_take_back(struct notes *n);

/* All of it is settled. */
void notes_forget(struct notes *n);

/* Others: the published notes. False: the child is just about to begin anew, there is nothing to settle. */
bool notes_copy(const struct notes *n, struct notes *out);

/* What is to be settled. `out->others` has room for CLAIM_MAX; its texts are those of the notes. */
void notes_settlement(const struct notes *n, struct settlement *out);

/* The server will never take what an attempt ended with: say so instead, with nothing of it. */
void notes_leave_out_texts(struct attempt_end *end);

/* Count what was settled. */
void note_count(const struct note *note, struct tally *tally);
void notes_count(const struct notes *n, struct tally *tally);
