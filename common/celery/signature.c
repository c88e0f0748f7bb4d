/* signature: from what a message carries to the messages that follow it. A signature is applied with what came before it as its first
 * arguments and with options that override its own; chains, groups and chords apply what is in them. To teach it another kind of
 * signature, add a row to `kinds`. */
#include "common/celery/signature.h"

#include "common/base/json_build.h"
#include "common/base/uuid.h"
#include "common/celery/plain.h"

#include <stdlib.h>
#include <string.h>

struct planner {
    struct region *region;
    struct canvas_plan *plan;
    size_t send_room, size_room, heir_room;
    const char *seed; /* ids that are not given follow from it … */
    uint64_t drawn;   /* … and from how many were before */
    struct err *e;
};

/* Ids ------------------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static uint64_t hash(const char *s, uint64_t basis)
{
    uint64_t h = basis;
    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001B3u;
    return h;
}

/* A UUID of version 8 (RFC 9562 section 5.8) that follows from the seed and its place. */
static const char *next_id(struct planner *p)
{
    uint64_t place = ++p->drawn * 0x9E3779B97F4A7C15u;
    uint64_t half[2] = {mix(hash(p->seed, 0xCBF29CE484222325u) + place), mix(hash(p->seed, 0x84222325CBF29CE4u) ^ place)};
    struct uuid id;
    char text[UUID_TEXT_MAX];
    memcpy(id.bytes, half, sizeof id.bytes);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0F) | 0x80);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3F) | 0x80);
    return region_strdup(p->region, uuid_format(id, text));
}

/* Options --------------------------------------------------------------------------------------------------------------- */

static const struct js *options_of(const struct js *signature)
{
    return js_get(signature, "options");
}

static bool is_immutable(const struct js *signature)
{
    bool immutable = false;
    js_bool(js_get(signature, "immutable"), &immutable);
    return immutable;
}

static bool override(void *data, const char *key, const struct js *value)
{
    struct js *options = data;
    bool fixed = strcmp(key, "group_id") == 0 && !js_is_null(js_get(options, key)); /* a member stays in its group */
    if (!js_is_null(value) && !fixed)
        js_set(options, key, js_copy(value));
    return true;
}

/* The signature's options under those that `over` sets. */
static struct js *merged_options(const struct js *signature, const struct js *over)
{
    const struct js *own = options_of(signature);
    struct js *options = js_type(own) == JS_OBJECT ? js_copy(own) : js_new_object();
    js_each(over, override, options);
    return options;
}

static void set_text(struct js *object, const char *key, const char *value)
{
    if (value)
        js_set(object, key, js_new_text(value));
}

/* Celery takes one signature where an array of them may stand. */
static void push_all(struct js *array, const struct js *one_or_many)
{
    if (js_type(one_or_many) == JS_OBJECT)
        js_push(array, js_copy(one_or_many));
    for (size_t i = 0; js_type(one_or_many) == JS_ARRAY && i < js_count(one_or_many); i++)
        js_push(array, js_copy(js_at(one_or_many, i)));
}

/* Add what stands under `key` in `from` to the array under `key` in the options of `signature`. */
static void extend_option(struct js *signature, const char *key, const struct js *from)
{
    struct js *options = merged_options(signature, NULL), *all = js_new_array();
    push_all(all, js_get(options, key));
    push_all(all, js_get(from, key));
    if (js_count(all) > 0)
        js_set(options, key, all);
    else
        js_free(all);
    js_set(signature, "options", options);
}

/* `first`, then the signature's own arguments. */
static struct js *merged_arguments(const struct js *signature, const struct js *first)
{
    struct js *args = js_new_array();
    if (!is_immutable(signature))
        for (size_t i = 0; i < js_count(first); i++)
            js_push(args, js_copy(js_at(first, i)));
    const struct js *own = js_get(signature, "args");
    for (size_t i = 0; i < js_count(own); i++)
        js_push(args, js_copy(js_at(own, i)));
    return args;
}

/* Messages -------------------------------------------------------------------------------------------------------------- */

static const char *kept_text(struct planner *p, const struct js *node)
{
    const char *s = plain_text(node);
    return s ? region_strdup(p->region, s) : NULL;
}

static bool kept_json(struct planner *p, const struct js *node, const char **out)
{
    struct text t CLEANUP(text_free) = {0};
    *out = NULL;
    if (js_is_null(node))
        return true;
    if (!plain_write(&t, node, p->e))
        return false;
    *out = region_strndup(p->region, text_str(&t), t.len);
    return true;
}

static bool kept_signatures(struct planner *p, const struct js *one_or_many, const char **out)
{
    struct js *all CLEANUP(js_freep) = js_new_array();
    push_all(all, one_or_many);
    *out = NULL;
    return js_count(all) == 0 || kept_json(p, all, out);
}

static int64_t integer_or(const struct js *node, int64_t fallback)
{
    int64_t value = fallback;
    js_integer(node, &value);
    return value;
}

static usec_t seconds_of(const struct js *node)
{
    double seconds = 0;
    return js_number(node, &seconds) && seconds > 0 && seconds < 1e10 ? (usec_t)(seconds * 1e6 + 0.5) : 0;
}

/* `eta` and `expires` are moments; `countdown`, and `expires` as a number, count from now. */
static bool read_moment(struct planner *p, const struct js *node, const char *what, usec_t *at)
{
    const char *text = plain_text(node);
    if (text)
        return celery_time_parse(text, at, p->e) || err_add(p->e, "%s", what);
    if (seconds_of(node))
        *at = clock_now() + seconds_of(node);
    return true;
}

static const char *queue_of(struct planner *p, const struct js *options)
{
    const struct js *queue = js_get(options, "queue");
    if (js_type(queue) == JS_OBJECT)
        queue = js_get(queue, "name");
    if (!plain_text(queue))
        queue = js_get(options, "routing_key");
    return kept_text(p, queue);
}

static struct celery_message *new_send(struct planner *p)
{
    if (p->plan->send_count == p->send_room) {
        p->send_room = p->send_room ? p->send_room * 2 : 4;
        struct celery_message *sends = region_alloc(p->region, p->send_room * sizeof *sends);
        if (p->plan->send_count > 0)
            memcpy(sends, p->plan->sends, p->plan->send_count * sizeof *sends);
        p->plan->sends = sends;
    }
    return &p->plan->sends[p->plan->send_count++];
}

static bool fill_times(struct planner *p, const struct js *options, struct celery_message *m)
{
    m->hard = seconds_of(js_get(options, "time_limit"));
    m->soft = seconds_of(js_get(options, "soft_time_limit"));
    return read_moment(p, js_get(options, "countdown"), "countdown", &m->eta_at) && read_moment(p, js_get(options, "eta"), "eta", &m->eta_at) &&
           read_moment(p, js_get(options, "expires"), "expires", &m->expires_at);
}

static bool fill_followers(struct planner *p, const struct js *options, struct celery_message *m)
{
    return kept_signatures(p, js_get(options, "link"), &m->callbacks) && kept_signatures(p, js_get(options, "link_error"), &m->errbacks) &&
           kept_json(p, js_get(options, "chain"), &m->chain) && kept_json(p, js_get(options, "chord"), &m->chord);
}

static bool send_task(struct planner *p, const struct js *signature, const struct js *args, const struct js *options)
{
    if (p->plan->send_count >= CANVAS_SENDS_MAX)
        return err_set(p->e, ERR_LIMIT, "more than %d tasks follow one", CANVAS_SENDS_MAX);
    const char *id = kept_text(p, js_get(options, "task_id"));
    struct celery_message *m = new_send(p);
    *m = (struct celery_message){
        .protocol = 2,
        .id = id ? id : next_id(p),
        .task = kept_text(p, js_get(signature, "task")),
        .root_id = kept_text(p, js_get(options, "root_id")),
        .parent_id = kept_text(p, js_get(options, "parent_id")),
        .group_id = kept_text(p, js_get(options, "group_id")),
        .group_index = integer_or(js_get(options, "group_index"), -1),
        .retries = integer_or(js_get(options, "retries"), 0),
        .priority = (int)integer_or(js_get(options, "priority"), 0),
        .shadow = kept_text(p, js_get(options, "shadow")),
        .reply_to = kept_text(p, js_get(options, "reply_to")),
        .routing_key = queue_of(p, options),
    };
    js_bool(js_get(options, "ignore_result"), &m->ignore_result);
    return kept_json(p, args, &m->args) && kept_json(p, js_get(signature, "kwargs"), &m->kwargs) && kept_json(p, js_get(options, "headers"), &m->headers) &&
           fill_times(p, options, m) && fill_followers(p, options, m);
}

/* Applying -------------------------------------------------------------------------------------------------------------- */

static bool apply(struct planner *p, const struct js *signature, const struct js *first, const struct js *over, int depth);

/* What a step of a chain or a member of a group inherits of the whole's options. */
static struct js *lineage(const struct js *options)
{
    static const char *const names[] = {"root_id", "parent_id", "priority"};
    struct js *some = js_new_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!js_is_null(js_get(options, names[i])))
            js_set(some, names[i], js_copy(js_get(options, names[i])));
    return some;
}

static const char *kind_of(const struct js *signature)
{
    const char *kind = js_text(js_get(signature, "subtask_type"));
    const char *task = js_text(js_get(signature, "task"));
    return kind ? kind : task && strncmp(task, "celery.", 7) == 0 ? task + 7 : "";
}

static bool is_kind(const struct js *signature, const char *kind)
{
    return strcmp(kind_of(signature), kind) == 0;
}

/* The members of a group or the steps of a chain: an array, or, as the header of a chord, a group around one. */
static const struct js *tasks_in(const struct js *signature)
{
    if (js_type(signature) == JS_ARRAY)
        return signature;
    const struct js *tasks = js_get(js_get(signature, "kwargs"), "tasks");
    return js_type(tasks) == JS_OBJECT ? js_get(js_get(tasks, "kwargs"), "tasks") : tasks;
}

/* How many tasks have to end before all of this has: a chain is over with its last step, a chord with its body. */
static int64_t ends_of(const struct js *signature, int depth)
{
    int64_t ends = 0;
    if (depth > CANVAS_DEPTH_MAX)
        return 0;
    const struct js *tasks = tasks_in(signature);
    if (is_kind(signature, "group")) {
        for (size_t i = 0; i < js_count(tasks); i++)
            ends += ends_of(js_at(tasks, i), depth + 1);
        return ends;
    }
    if (is_kind(signature, "chain")) {
        for (size_t i = js_count(tasks); i > 0 && ends == 0; i--)
            ends = ends_of(js_at(tasks, i - 1), depth + 1);
        return ends;
    }
    return is_kind(signature, "chord") ? ends_of(js_get(js_get(signature, "kwargs"), "body"), depth + 1) : 1;
}

static struct js *chord_of(const struct js *header, const struct js *body)
{
    struct js *chord = js_new_object(), *kwargs = js_new_object();
    js_set(kwargs, "header", js_copy(header));
    js_set(kwargs, "body", js_copy(body));
    js_set(chord, "task", js_new_text("celery.chord"));
    js_set(chord, "subtask_type", js_new_text("chord"));
    js_set(chord, "kwargs", kwargs);
    return chord;
}

/* The chain's steps reversed, each with an id; a group with a step behind it is a chord with that as its body. */
static struct js *reversed_steps(struct planner *p, const struct js *tasks, const struct js *options)
{
    struct js *steps = js_new_array();
    for (size_t i = js_count(tasks); i > 0; i--) {
        struct js *behind = is_kind(js_at(tasks, i - 1), "group") ? js_pop(steps) : NULL;
        struct js *step = behind ? chord_of(js_at(tasks, i - 1), behind) : js_copy(js_at(tasks, i - 1));
        js_free(behind);
        extend_option(step, "link_error", options);
        struct js *own = merged_options(step, NULL);
        const char *whole = js_count(steps) == 0 ? js_text(js_get(options, "task_id")) : NULL;
        if (js_is_null(js_get(own, "task_id")) && !is_kind(step, "group"))
            set_text(own, "task_id", whole ? whole : next_id(p));
        js_set(step, "options", own);
        js_push(steps, step);
    }
    return steps;
}

/* The last step stands for the whole chain: it has its id, unless it brought one, its place in a group, its chord and its callbacks. */
static struct js *standing_for(const struct js *last, const struct js *options)
{
    static const char *const names[] = {"group_id", "group_index", "chord"};
    struct js *step = js_copy(last), *over = js_new_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!js_is_null(js_get(options, names[i])))
            js_set(over, names[i], js_copy(js_get(options, names[i])));
    js_set(step, "options", merged_options(last, over));
    extend_option(step, "link", options);
    js_free(over);
    return step;
}

static bool apply_chain(struct planner *p, const struct js *signature, const struct js *first, const struct js *options, int depth)
{
    const struct js *tasks = tasks_in(signature);
    if (js_count(tasks) == 0)
        return true;
    struct js *steps CLEANUP(js_freep) = reversed_steps(p, tasks, options);
    struct js *args CLEANUP(js_freep) = merged_arguments(signature, first);
    struct js *over CLEANUP(js_freep) = lineage(options);
    struct js *rest = js_new_array();
    push_all(rest, js_get(options, "chain")); /* of the chain that this one is a step of: it goes on when this one is over */
    struct js *next CLEANUP(js_freep) = NULL;
    for (size_t i = 0; i < js_count(steps); i++) {
        struct js *step = i == 0 ? standing_for(js_at(steps, 0), options) : js_copy(js_at(steps, i));
        if (i + 1 == js_count(steps))
            next = step;
        else
            js_push(rest, step);
    }
    js_set(over, "chain", rest);
    return apply(p, next, args, over, depth + 1);
}

static void note_size(struct planner *p, const char *group, int64_t members)
{
    if (p->plan->size_count == p->size_room) {
        p->size_room = p->size_room ? p->size_room * 2 : 4;
        struct canvas_size *sizes = region_alloc(p->region, p->size_room * sizeof *sizes);
        if (p->plan->size_count > 0)
            memcpy(sizes, p->plan->sizes, p->plan->size_count * sizeof *sizes);
        p->plan->sizes = sizes;
    }
    p->plan->sizes[p->plan->size_count++] = (struct canvas_size){.group = group, .members = members};
}

/* Send the members, those of groups among them too, each at its place. */
static bool apply_members(struct planner *p, const struct js *tasks, const struct js *args, struct js *over, int64_t *place, int depth)
{
    if (depth > CANVAS_DEPTH_MAX)
        return err_set(p->e, ERR_LIMIT, "signatures are nested more than %d levels deep", CANVAS_DEPTH_MAX);
    for (size_t i = 0; i < js_count(tasks); i++) {
        const struct js *member = js_at(tasks, i);
        if (is_kind(member, "group")) {
            struct js *inner CLEANUP(js_freep) = merged_arguments(member, args);
            if (!apply_members(p, tasks_in(member), inner, over, place, depth + 1))
                return false;
            continue;
        }
        js_set(over, "group_index", js_new_integer((*place)++));
        if (!apply(p, member, args, over, depth + 1))
            return err_add(p->e, "member %zu", i);
    }
    return true;
}

static bool apply_chord(struct planner *p, const struct js *signature, const struct js *first, const struct js *options, int depth);

static bool apply_group(struct planner *p, const struct js *signature, const struct js *first, const struct js *options, int depth)
{
    const struct js *rest = js_get(options, "chain");
    if (js_count(rest) > 0) {
        struct js *behind CLEANUP(js_freep) = js_copy(rest), *body CLEANUP(js_freep) = js_pop(behind);
        struct js *chord CLEANUP(js_freep) = chord_of(signature, body), *over CLEANUP(js_freep) = js_copy(options);
        js_set(over, "chain", js_copy(behind));
        js_remove(over, "task_id");
        return apply_chord(p, chord, first, over, depth + 1);
    }
    const struct js *chord = js_get(options, "chord");
    const char *group = js_text(js_get(options, js_is_null(chord) ? "task_id" : "group_id"));
    struct js *args CLEANUP(js_freep) = merged_arguments(signature, first);
    struct js *over CLEANUP(js_freep) = lineage(options);
    int64_t place = 0;
    js_set(over, "group_id", js_new_text(group ? group : next_id(p)));
    if (!js_is_null(chord))
        js_set(over, "chord", js_copy(chord));
    return apply_members(p, tasks_in(signature), args, over, &place, depth + 1);
}

/* The id that a signature ends under, as far as it has one: a chain's is that of its last step. */
static const char *ending_id(const struct js *signature)
{
    const char *id = js_text(js_get(options_of(signature), "task_id"));
    const struct js *tasks = is_kind(signature, "chain") ? tasks_in(signature) : NULL;
    return id || js_count(tasks) == 0 ? id : js_text(js_get(options_of(js_at(tasks, js_count(tasks) - 1)), "task_id"));
}

/* The body as every member carries it: with its id, and with what the chord as a whole is part of. */
static struct js *chord_body(struct planner *p, const struct js *signature, const struct js *options)
{
    const struct js *given = js_get(js_get(signature, "kwargs"), "body");
    struct js *over CLEANUP(js_freep) = js_copy(options);
    const char *whole = js_text(js_get(options, "task_id"));
    js_remove(over, "task_id");
    struct js *body = js_copy(given), *own = merged_options(given, over);
    if (!ending_id(given))
        set_text(own, "task_id", whole ? whole : next_id(p));
    js_set(body, "options", own);
    return body;
}

static bool apply_chord(struct planner *p, const struct js *signature, const struct js *first, const struct js *options, int depth)
{
    const struct js *header = js_get(js_get(signature, "kwargs"), "header"), *tasks = tasks_in(header);
    if (js_type(js_get(js_get(signature, "kwargs"), "body")) != JS_OBJECT || js_type(tasks) != JS_ARRAY)
        return err_set(p->e, ERR_DATA, "a chord without header or body");
    struct js *args CLEANUP(js_freep) = merged_arguments(signature, first);
    struct js *body CLEANUP(js_freep) = chord_body(p, signature, options);
    struct js *over CLEANUP(js_freep) = lineage(options);
    int64_t members = 0, place = 0;
    for (size_t i = 0; i < js_count(tasks); i++)
        members += ends_of(js_at(tasks, i), depth + 1);
    if (members == 0) {
        struct js *nothing CLEANUP(js_freep) = js_new_array();
        js_push(nothing, js_new_array());
        return apply(p, body, nothing, over, depth + 1);
    }
    const char *given = js_text(js_get(options_of(header), "task_id"));
    const char *group = given ? region_strdup(p->region, given) : next_id(p);
    note_size(p, group, members);
    js_set(over, "group_id", js_new_text(group));
    js_set(over, "chord", js_copy(body));
    return apply_members(p, tasks, args, over, &place, depth + 1);
}

static const struct kind {
    const char *name;
    bool (*apply)(struct planner *p, const struct js *signature, const struct js *first, const struct js *options, int depth);
} kinds[] = {{"chain", apply_chain}, {"group", apply_group}, {"chord", apply_chord}};

/* Plan what `signature` stands for, with `first` before its arguments and `over` over its options. */
static bool apply(struct planner *p, const struct js *signature, const struct js *first, const struct js *over, int depth)
{
    if (depth > CANVAS_DEPTH_MAX)
        return err_set(p->e, ERR_LIMIT, "signatures are nested more than %d levels deep", CANVAS_DEPTH_MAX);
    if (!js_text(js_get(signature, "task")))
        return err_set(p->e, ERR_DATA, "a signature is %s without a task", js_type_name(js_type(signature)));
    struct js *options CLEANUP(js_freep) = merged_options(signature, over);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (is_kind(signature, kinds[i].name))
            return kinds[i].apply(p, signature, first, options, depth);
    struct js *args CLEANUP(js_freep) = merged_arguments(signature, first);
    return send_task(p, signature, args, options);
}

/* What has ended -------------------------------------------------------------------------------------------------------- */

static bool parse_part(const char *json, const char *what, struct js **out, struct err *e)
{
    *out = json ? js_parse(json, strlen(json), e) : NULL;
    return !json || *out || err_add(e, "%s", what);
}

static struct planner planner_new(const char *seed, struct region *r, struct canvas_plan *out, struct err *e)
{
    *out = (struct canvas_plan){0};
    return (struct planner){.region = r, .plan = out, .seed = seed, .e = e};
}

static struct js *options_after(const char *parent_id, const char *root_id)
{
    struct js *options = js_new_object();
    set_text(options, "parent_id", parent_id);
    set_text(options, "root_id", root_id ? root_id : parent_id);
    return options;
}

static bool apply_each(struct planner *p, const struct js *signatures, const struct js *args, const struct js *options, const char *what)
{
    struct js *all CLEANUP(js_freep) = js_new_array();
    push_all(all, signatures);
    for (size_t i = 0; i < js_count(all); i++)
        if (!apply(p, js_at(all, i), args, options, 0))
            return err_add(p->e, "%s %zu", what, i);
    return true;
}

bool canvas_succeeded(const struct celery_message *ended, const char *result, struct region *r, struct canvas_plan *out, struct err *e)
{
    struct planner p = planner_new(ended->id, r, out, e);
    struct js *callbacks CLEANUP(js_freep) = NULL, *chain CLEANUP(js_freep) = NULL, *value CLEANUP(js_freep) = NULL;
    if (!parse_part(ended->callbacks, "callbacks", &callbacks, e) || !parse_part(ended->chain, "chain", &chain, e) ||
        !parse_part(result ? result : "null", "result", &value, e))
        return false;
    struct js *args CLEANUP(js_freep) = js_new_array();
    struct js *options CLEANUP(js_freep) = options_after(ended->id, ended->root_id);
    js_push(args, js_copy(value));
    if (!apply_each(&p, callbacks, args, options, "callback"))
        return false;
    if (js_type(chain) != JS_ARRAY || js_count(chain) == 0)
        return true;
    struct js *next CLEANUP(js_freep) = js_pop(chain);
    js_set(options, "chain", js_copy(chain));
    return apply(&p, next, args, options, 0) || err_add(e, "chain");
}

static bool add_heir(struct planner *p, const struct js *signature)
{
    const struct js *options = options_of(signature);
    struct canvas_heir heir = {.id = kept_text(p, js_get(options, "task_id")),
                               .group = kept_text(p, js_get(options, "group_id")),
                               .group_index = integer_or(js_get(options, "group_index"), -1)};
    if (!heir.id)
        return true;
    if (!kept_json(p, js_get(options, "chord"), &heir.chord))
        return false;
    if (p->plan->heir_count == p->heir_room) {
        p->heir_room = p->heir_room ? p->heir_room * 2 : 4;
        struct canvas_heir *heirs = region_alloc(p->region, p->heir_room * sizeof *heirs);
        if (p->plan->heir_count > 0)
            memcpy(heirs, p->plan->heirs, p->plan->heir_count * sizeof *heirs);
        p->plan->heirs = heirs;
    }
    p->plan->heirs[p->plan->heir_count++] = heir;
    return true;
}

bool canvas_failed(const struct celery_message *ended, struct region *r, struct canvas_plan *out, struct err *e)
{
    struct planner p = planner_new(ended->id, r, out, e);
    struct js *errbacks CLEANUP(js_freep) = NULL, *chain CLEANUP(js_freep) = NULL;
    if (!parse_part(ended->errbacks, "errbacks", &errbacks, e) || !parse_part(ended->chain, "chain", &chain, e))
        return false;
    struct js *args CLEANUP(js_freep) = js_new_array();
    struct js *options CLEANUP(js_freep) = options_after(ended->id, ended->root_id);
    js_push(args, js_new_text(ended->id));
    for (size_t i = js_type(chain) == JS_ARRAY ? js_count(chain) : 0; i > 0; i--)
        if (!add_heir(&p, js_at(chain, i - 1)))
            return false;
    return apply_each(&p, errbacks, args, options, "errback");
}

bool canvas_joined(const struct celery_message *ended, const char *results, struct region *r, struct canvas_plan *out, struct err *e)
{
    struct planner p = planner_new(ended->group_id ? ended->group_id : ended->id, r, out, e);
    struct js *body CLEANUP(js_freep) = NULL, *value CLEANUP(js_freep) = NULL;
    if (!parse_part(ended->chord, "chord", &body, e) || !parse_part(results, "results", &value, e))
        return false;
    struct js *args CLEANUP(js_freep) = js_new_array();
    struct js *options CLEANUP(js_freep) = options_after(ended->id, ended->root_id);
    js_push(args, js_copy(value));
    return apply(&p, body, args, options, 0) || err_add(e, "chord");
}

bool canvas_torn(const char *body, const char *root_id, struct region *r, struct canvas_plan *out, struct err *e)
{
    struct js *signature CLEANUP(js_freep) = NULL;
    if (!parse_part(body, "chord", &signature, e))
        return false;
    const struct js *steps = is_kind(signature, "chain") ? tasks_in(signature) : NULL;
    const struct js *last = steps && js_is_null(js_get(options_of(signature), "task_id")) ? js_at(steps, js_count(steps) - 1) : signature;
    const char *id = js_text(js_get(options_of(last), "task_id"));
    struct planner p = planner_new(id ? region_strdup(r, id) : "", r, out, e);
    if (!add_heir(&p, last))
        return false;
    if (!id)
        return true;
    struct js *args CLEANUP(js_freep) = js_new_array();
    struct js *options CLEANUP(js_freep) = options_after(id, root_id);
    js_push(args, js_new_text(id));
    return apply_each(&p, js_get(options_of(last), "link_error"), args, options, "errback");
}

/* Members of a chord ---------------------------------------------------------------------------------------------------- */

void canvas_member_write(const char *id, const char *state, const char *result, struct text *out)
{
    text_puts(out, "[1, ");
    text_json_string(out, id, strlen(id));
    text_puts(out, ", ");
    text_json_string(out, state, strlen(state));
    text_printf(out, ", %s]", result ? result : "null");
}

bool canvas_member_read(const char *text, size_t len, struct region *r, struct canvas_member *out, struct err *e)
{
    struct js *member CLEANUP(js_freep) = js_parse(text, len, e);
    struct text result CLEANUP(text_free) = {0};
    if (!member)
        return err_add(e, "member of a chord");
    const char *id = js_text(js_at(member, 1)), *state = js_text(js_at(member, 2));
    if (js_count(member) != 4 || !id || !state)
        return err_set(e, ERR_DATA, "a member of a chord is not [1, id, state, result]");
    if (!plain_write(&result, js_at(member, 3), e))
        return false;
    *out = (struct canvas_member){.id = region_strdup(r, id), .state = region_strdup(r, state), .result = region_strndup(r, text_str(&result), result.len)};
    return true;
}
