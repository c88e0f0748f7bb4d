/* notes: a record with one writer. A turn (a sequence lock) tells readers that it began anew under their hands; within a turn notes are only
 * added, each before `published` counts it. Readers take nothing on trust: the writer may have died of writing where it should not. */
#include "worker/notes.h"

#include <string.h>

static void turn_begin(struct notes *n)
{
    atomic_store(&n->turn, atomic_load(&n->turn) | 1);
}

static void turn_end(struct notes *n)
{
    atomic_fetch_add(&n->turn, 1);
}

static void empty(struct notes *n)
{
    atomic_store(&n->published, 0);
    atomic_store(&n->text_used, 1); /* place 0 is none */
    n->count = n->detail_count = 0;
    n->unstorable = false;
}

void notes_begin(struct notes *n, int64_t fence, const int *order, int places, bool has_ties, bool light)
{
    turn_begin(n);
    empty(n);
    n->fence = fence;
    n->places = places;
    for (int i = 0; i < places; i++)
        n->order[i] = (int16_t)order[i];
    n->has_ties = has_ties;
    n->light = light;
    turn_end(n);
}

void notes_forget(struct notes *n)
{
    turn_begin(n);
    empty(n);
    turn_end(n);
}

static bool is_plain(const struct attempt_end *end)
{
    return end->outcome == OUTCOME_SUCCESS && !end->result && end->progress_value <= 0 && end->end_value <= 0 && end->cpu_ms < 0;
}

static size_t room_for(const char *s)
{
    return s ? strlen(s) + 1 : 0;
}

static uint32_t put_text(struct notes *n, const char *s)
{
    uint32_t at = atomic_load_explicit(&n->text_used, memory_order_relaxed);
    size_t size = room_for(s);
    if (!size)
        return 0;
    memcpy(n->text + at, s, size);
    atomic_store_explicit(&n->text_used, at + (uint32_t)size, memory_order_relaxed);
    return at;
}

static bool add_detail(struct notes *n, const struct attempt_end *end)
{
    size_t size = room_for(end->result) + room_for(end->error) + room_for(end->progress_message);
    if (size > NOTES_TEXT_MAX - atomic_load_explicit(&n->text_used, memory_order_relaxed))
        return false;
    n->detail[n->detail_count++] = (struct note_detail){
        .outcome = end->outcome,
        .retryable = end->retryable,
        .result = put_text(n, end->result),
        .error = put_text(n, end->error),
        .progress_message = put_text(n, end->progress_message),
        .retry_after = end->retry_after,
        .peak_rss = end->peak_rss,
        .cpu_ms = end->cpu_ms,
        .progress_value = end->progress_value,
        .end_value = end->end_value,
    };
    return true;
}

bool notes_add(struct notes *n, struct note note, const struct attempt_end *end)
{
    note.started_at = end->started_at;
    note.ended_at = end->ended_at;
    note.detail = 0;
    if (!is_plain(end)) {
        if (!add_detail(n, end))
            return false;
        note.detail = (int16_t)n->detail_count;
    }
    n->note[n->count++] = note;
    return true;
}

void notes_publish(struct notes *n)
{
    atomic_store_explicit(&n->published, n->count, memory_order_release);
}

/* Their texts stay where they are until all is forgotten. */
void notes_take_back(struct notes *n)
{
    for (uint32_t published = atomic_load(&n->published); n->count > published; n->count--)
        n->detail_count -= n->note[n->count - 1].detail > 0;
}

bool notes_copy(const struct notes *n, struct notes *out)
{
    uint32_t turn = atomic_load(&n->turn);
    uint32_t count = atomic_load_explicit(&n->published, memory_order_acquire), used = atomic_load(&n->text_used);
    if ((turn & 1) || count > CLAIM_MAX || used > NOTES_TEXT_MAX)
        return false;
    atomic_store(&out->turn, turn);
    atomic_store(&out->published, count);
    atomic_store(&out->text_used, used);
    out->count = count;
    out->detail_count = n->detail_count <= CLAIM_MAX ? n->detail_count : 0;
    out->fence = n->fence;
    out->places = n->places;
    memcpy(out->order, n->order, sizeof n->order);
    out->has_ties = n->has_ties;
    out->light = n->light;
    out->unstorable = n->unstorable;
    memcpy(out->note, n->note, count * sizeof *n->note);
    memcpy(out->detail, n->detail, out->detail_count * sizeof *n->detail);
    memcpy(out->text, n->text, used);
    out->text[NOTES_TEXT_MAX - 1] = '\0';
    atomic_thread_fence(memory_order_acquire);
    return atomic_load(&n->turn) == turn;
}

static const char *text_at(const struct notes *n, uint32_t at)
{
    bool used = at > 0 && at < NOTES_TEXT_MAX && at < atomic_load_explicit(&n->text_used, memory_order_relaxed);
    return used ? n->text + at : NULL;
}

static struct attempt_end read_detail(const struct notes *n, const struct note *note)
{
    const struct note_detail *d = &n->detail[note->detail - 1];
    return (struct attempt_end){
        .outcome = d->outcome <= OUTCOME_SNOOZED ? d->outcome : OUTCOME_RETURNED,
        .retryable = d->retryable,
        .retry_after = d->retry_after,
        .started_at = note->started_at,
        .ended_at = note->ended_at,
        .result = text_at(n, d->result),
        .error = text_at(n, d->error),
        .exit_code = -1,
        .peak_rss = d->peak_rss,
        .cpu_ms = d->cpu_ms,
        .progress_value = d->progress_value,
        .end_value = d->end_value,
        .progress_message = text_at(n, d->progress_message),
    };
}

void notes_leave_out_texts(struct attempt_end *end)
{
    if (end->result)
        end->outcome = OUTCOME_FAILED;
    end->retryable = false;
    end->result = end->progress_message = NULL;
    end->error = end->outcome == OUTCOME_SUCCESS ? NULL : "how it ended could not be stored; the worker's log says why";
}

void notes_settlement(const struct notes *n, struct settlement *out)
{
    size_t places = n->places > 0 && n->places <= CLAIM_MAX ? (size_t)n->places : 0;
    out->fence = n->fence;
    out->count = places;
    out->has_ties = n->has_ties;
    out->plain = out->other_count = 0;
    memset(out->started, 0, places * sizeof *out->started);
    for (uint32_t i = 0; i < n->count; i++) {
        const struct note *note = &n->note[i];
        if (note->place < 1 || (size_t)note->place > places || note->detail < 0 || (uint32_t)note->detail > n->detail_count)
            continue;
        if (note->detail == 0) {
            out->started[note->place - 1] = note->started_at;
            out->ended[note->place - 1] = note->ended_at;
            out->plain++;
            continue;
        }
        struct other *other = &out->others[out->other_count++];
        *other = (struct other){.place = note->place, .end = read_detail(n, note)};
        if (n->unstorable)
            notes_leave_out_texts(&other->end);
    }
}

void note_count(const struct note *note, struct tally *tally)
{
    if (note->outcome < 0 || note->outcome >= TALLY_OUTCOMES || note->series < 0 || note->series >= TALLY_SERIES_MAX)
        return;
    usec_t took = note->ended_at > note->started_at ? note->ended_at - note->started_at : 0;
    bool ran = note->outcome != TALLY_SKIPPED;
    tally_count(tally, note->series, (enum tally_outcome)note->outcome, ran ? took : -1, ran ? note->waited : -1);
}

void notes_count(const struct notes *n, struct tally *tally)
{
    for (uint32_t i = 0; i < n->count; i++)
        note_count(&n->note[i], tally);
}
