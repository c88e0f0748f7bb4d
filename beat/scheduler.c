/* scheduler: a table of schedules by name, a heap of them by the time to look at them, and a table of the rules they
 * share. The tables are open addressed with linear probing; both double when they are three quarters full. */
#include "beat/scheduler.h"
#include "common/base/text.h"

#include <stdlib.h>
#include <string.h>

struct schedule {
    struct rule *rule;
    int64_t revision;
    usec_t mark, next; /* next 0: never */
    usec_t wake;       /* look at it then */
    uint32_t place;    /* in the heap; NOWHERE while it is taken */
    char name[];
};

enum { HEAP_ARITY = 4, TABLE_FIRST = 64 };
#define NOWHERE UINT32_MAX

/* Pointers by hash; NULL is a free slot. */
struct table {
    void **slots;
    size_t used, size; /* size is a power of 2 */
    uint64_t (*hash)(const void *item);
};

struct scheduler {
    struct table names;
    struct table rules; /* each once, however many schedules have it; the table is a user of its own */
    struct schedule **heap;
    size_t heap_count, heap_room;
};

/* Tables -------------------------------------------------------------------------------------------------------- */

static size_t slot_of(const struct table *t, uint64_t hash)
{
    return (size_t)(hash ^ (hash >> 32)) & (t->size - 1);
}

static void table_insert(struct table *t, void *item)
{
    size_t at = slot_of(t, t->hash(item));
    while (t->slots[at])
        at = (at + 1) & (t->size - 1);
    t->slots[at] = item;
    t->used++;
}

static void table_resize(struct table *t, size_t size)
{
    struct table old = *t;
    t->slots = mem_zero(size, sizeof *t->slots);
    t->size = size;
    t->used = 0;
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i])
            table_insert(t, old.slots[i]);
    free(old.slots);
}

static void table_add(struct table *t, void *item)
{
    if (t->used + 1 > t->size / 4 * 3)
        table_resize(t, t->size ? t->size * 2 : TABLE_FIRST);
    table_insert(t, item);
}

/* Empty the slot, and move up what a search from its own place would no longer find. */
static void table_remove(struct table *t, size_t at)
{
    size_t mask = t->size - 1;
    t->used--;
    for (size_t next = (at + 1) & mask; t->slots[next]; next = (next + 1) & mask) {
        size_t home = slot_of(t, t->hash(t->slots[next]));
        if (((next - home) & mask) < ((next - at) & mask))
            continue;
        t->slots[at] = t->slots[next];
        at = next;
    }
    t->slots[at] = NULL;
}

static uint64_t hash_name(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
    return hash;
}

static uint64_t hash_schedule(const void *item)
{
    return hash_name(((const struct schedule *)item)->name);
}

/* The slot of that name, or the free one where the search ends. */
static size_t find_name(const struct table *t, const char *name)
{
    size_t at = slot_of(t, hash_name(name));
    for (const struct schedule *found; (found = t->slots[at]) && strcmp(found->name, name) != 0;)
        at = (at + 1) & (t->size - 1);
    return at;
}

static struct schedule *find_schedule(const struct scheduler *s, const char *name)
{
    return s->names.slots[find_name(&s->names, name)];
}

/* Heap ---------------------------------------------------------------------------------------------------------- */

static void heap_set(struct scheduler *s, size_t place, struct schedule *schedule)
{
    s->heap[place] = schedule;
    schedule->place = (uint32_t)place;
}

static void heap_up(struct scheduler *s, size_t place)
{
    struct schedule *moving = s->heap[place];
    while (place > 0 && s->heap[(place - 1) / HEAP_ARITY]->wake > moving->wake) {
        heap_set(s, place, s->heap[(place - 1) / HEAP_ARITY]);
        place = (place - 1) / HEAP_ARITY;
    }
    heap_set(s, place, moving);
}

static size_t earliest_child(const struct scheduler *s, size_t place)
{
    size_t first = place * HEAP_ARITY + 1, best = first;
    for (size_t child = first + 1; child < first + HEAP_ARITY && child < s->heap_count; child++)
        if (s->heap[child]->wake < s->heap[best]->wake)
            best = child;
    return best;
}

static void heap_down(struct scheduler *s, size_t place)
{
    struct schedule *moving = s->heap[place];
    for (;;) {
        size_t child = earliest_child(s, place);
        if (child >= s->heap_count || s->heap[child]->wake >= moving->wake)
            break;
        heap_set(s, place, s->heap[child]);
        place = child;
    }
    heap_set(s, place, moving);
}

static void heap_add(struct scheduler *s, struct schedule *schedule)
{
    if (s->heap_count == s->heap_room) {
        s->heap_room = s->heap_room ? s->heap_room * 2 : TABLE_FIRST;
        s->heap = mem_grow(s->heap, s->heap_room * sizeof *s->heap);
    }
    heap_set(s, s->heap_count++, schedule);
    heap_up(s, schedule->place);
}

static void heap_remove(struct scheduler *s, struct schedule *schedule)
{
    size_t place = schedule->place;
    if (place == NOWHERE)
        return;
    schedule->place = NOWHERE;
    struct schedule *last = s->heap[--s->heap_count];
    if (last == schedule)
        return;
    heap_set(s, place, last);
    heap_up(s, place);
    heap_down(s, last->place);
}

static void set_wake(struct scheduler *s, struct schedule *schedule, usec_t wake)
{
    heap_remove(s, schedule);
    schedule->wake = wake;
    heap_add(s, schedule);
}

/* Rules --------------------------------------------------------------------------------------------------------- */

static uint64_t hash_rule(const void *item)
{
    return rule_key(item);
}

/* The rule of that text: the same one that other schedules have, or a new one. */
static struct rule *find_rule(struct scheduler *s, const struct rule_text *text, struct err *e)
{
    struct table *t = &s->rules;
    struct rule *rule = rule_parse(text, e);
    if (!rule)
        return NULL;
    for (size_t at = slot_of(t, rule_key(rule)); t->slots[at]; at = (at + 1) & (t->size - 1))
        if (rule_same(t->slots[at], rule)) {
            rule_free(rule);
            return rule_share(t->slots[at]);
        }
    table_add(t, rule_share(rule));
    return rule;
}

/* The table's own use of a rule ends with the last schedule's. */
static void drop_rule(struct scheduler *s, struct rule *rule)
{
    struct table *t = &s->rules;
    if (rule_users(rule) == 2) {
        size_t at = slot_of(t, rule_key(rule));
        while (t->slots[at] != rule)
            at = (at + 1) & (t->size - 1);
        table_remove(t, at);
        rule_free(rule);
    }
    rule_free(rule);
}

/* Schedules ----------------------------------------------------------------------------------------------------- */

struct scheduler *scheduler_new(void)
{
    struct scheduler *s = mem_zero(1, sizeof *s);
    s->names.hash = hash_schedule;
    s->rules.hash = hash_rule;
    table_resize(&s->names, TABLE_FIRST);
    table_resize(&s->rules, TABLE_FIRST);
    return s;
}

static void forget(struct scheduler *s, struct schedule *schedule)
{
    heap_remove(s, schedule);
    drop_rule(s, schedule->rule);
    free(schedule);
}

void scheduler_free(struct scheduler *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->names.size; i++)
        if (s->names.slots[i])
            forget(s, s->names.slots[i]);
    free(s->names.slots);
    free(s->rules.slots);
    free(s->heap);
    free(s);
}

size_t scheduler_count(const struct scheduler *s)
{
    return s->names.used;
}

void scheduler_remove(struct scheduler *s, const char *name)
{
    size_t at = find_name(&s->names, name);
    struct schedule *schedule = s->names.slots[at];
    if (!schedule)
        return;
    table_remove(&s->names, at);
    forget(s, schedule);
}

static struct schedule *add_schedule(struct scheduler *s, const char *name)
{
    size_t size = strlen(name) + 1;
    struct schedule *schedule = mem_zero(1, sizeof *schedule + size);
    memcpy(schedule->name, name, size);
    schedule->place = NOWHERE;
    table_add(&s->names, schedule);
    return schedule;
}

/* The first tick after the mark, and when to look at it. */
static void set_mark(struct scheduler *s, struct schedule *schedule, usec_t mark, usec_t next)
{
    schedule->mark = mark;
    schedule->next = next;
    set_wake(s, schedule, next ? rule_due(schedule->rule, schedule->name, next) : SCHEDULER_NEVER);
}

/* A new schedule, or a new definition of one that is known. */
static struct schedule *define(struct scheduler *s, struct schedule *schedule, const struct schedule_row *row,
                               struct err *e)
{
    struct rule *rule = find_rule(s, &row->rule, e);
    if (!rule) {
        scheduler_remove(s, row->rule.name);
        return NULL;
    }
    if (schedule)
        drop_rule(s, schedule->rule);
    else
        schedule = add_schedule(s, row->rule.name);
    schedule->rule = rule;
    schedule->revision = row->revision;
    return schedule;
}

bool scheduler_put(struct scheduler *s, const struct schedule_row *row, usec_t *next, struct err *e)
{
    struct schedule *schedule = find_schedule(s, row->rule.name);
    *next = 0;
    if (!row->active) {
        scheduler_remove(s, row->rule.name);
        return true;
    }
    if (!schedule || schedule->revision != row->revision) {
        schedule = define(s, schedule, row, e);
    } else if (schedule->mark == row->mark) {
        *next = schedule->next;
        return true;
    }
    if (!schedule)
        return false;
    if (!rule_next(schedule->rule, row->mark, next))
        *next = 0;
    set_mark(s, schedule, row->mark, *next);
    return true;
}

usec_t scheduler_wake(const struct scheduler *s)
{
    return s->heap_count ? s->heap[0]->wake : SCHEDULER_NEVER;
}

size_t scheduler_take(struct scheduler *s, usec_t now, struct emission *out, size_t max)
{
    size_t count = 0;
    for (; count < max && scheduler_wake(s) <= now; count++) {
        struct schedule *schedule = s->heap[0];
        heap_remove(s, schedule);
        out[count] = (struct emission){
            .schedule = schedule, .name = schedule->name, .revision = schedule->revision, .mark = schedule->mark};
        rule_decide(schedule->rule, schedule->name, schedule->next, now, &out[count].what);
    }
    return count;
}

void scheduler_done(struct scheduler *s, const struct emission *emission, usec_t now)
{
    struct schedule *schedule = emission->schedule;
    set_mark(s, schedule, emission->what.mark, emission->what.next);
    if (schedule->wake < now - RULE_HAND_OVER)
        set_wake(s, schedule, now + SCHEDULER_PACE);
}

void scheduler_put_back(struct scheduler *s, const struct emission *emission, usec_t wake)
{
    set_wake(s, emission->schedule, wake);
}

void scheduler_pass(struct scheduler *s, usec_t now)
{
    while (scheduler_wake(s) <= now) {
        struct schedule *schedule = s->heap[0];
        usec_t mark, next;
        if (!rule_last(schedule->rule, schedule->mark, now, &mark) ||
            rule_due(schedule->rule, schedule->name, mark) > now)
            mark = schedule->next;
        set_mark(s, schedule, mark, rule_next(schedule->rule, mark, &next) ? next : 0);
    }
}
