/* courier_canvas: carry out what common/celery/signature.h plans. Results of tasks that will never run come first, then the sizes of
 * new chords, then messages, each marked with its id so that it is pushed once. A chord is counted last, and forgotten when its body is sent. */
#include "worker/courier_canvas.h"

#include "common/base/json_build.h"
#include "common/celery/signature.h"
#include "sql/scripts.h"

#include <stdio.h>
#include <string.h>

enum { BATCH_SENDS = 200, SENT_SECONDS = 86400 };

#define TASKSET_KEY "celery-taskset-meta-"

struct canvas {
    struct courier *courier;
    const struct celery_queues *queues;
    struct redis *backend;
    struct region *region;
    const char *queue;
};

static int64_t expires(const struct canvas *w)
{
    return w->courier->config->celery.result_expires / SECONDS(1);
}

static const char *kept_json(struct region *r, const struct js *node)
{
    struct text t CLEANUP(text_free) = {0};
    if (js_is_null(node))
        return NULL;
    js_write(&t, node);
    return region_strndup(r, text_str(&t), t.len);
}

static const char *kept_text(struct region *r, const struct js *node)
{
    return js_text(node) ? region_strdup(r, js_text(node)) : NULL;
}

/* Messages -------------------------------------------------------------------------------------------------------------- */

static const char *queue_of(const struct canvas *w, const struct celery_message *m)
{
    if (m->routing_key)
        return m->routing_key;
    const struct config_handler *handler = config_handler(w->courier->config, m->task);
    const struct config_queue *queue = handler && handler->queue ? config_queue(w->courier->config, handler->queue) : NULL;
    return queue && strcmp(queue->protocol, "celery") == 0 ? queue->name : w->queue;
}

static struct rd_arg kept_arg(const struct canvas *w, const struct text *t)
{
    return rd_bytes(region_strndup(w->region, text_str(t), t->len), t->len);
}

/* Mark, list and bindings of a message, as lua_celery_push wants them. */
static void add_keys(const struct canvas *w, const struct celery_message *m, struct rd_arg keys[3], struct rd_arg *binding)
{
    const struct celery_keys *k = &w->queues->keys;
    struct text mark CLEANUP(text_free) = {0}, list CLEANUP(text_free) = {0}, set CLEANUP(text_free) = {0}, member CLEANUP(text_free) = {0};
    celery_key(k, "drumbeat.follows.", &mark);
    text_puts(&mark, m->id);
    celery_list(k, m->routing_key, celery_step(k, m->priority), &list);
    celery_key(k, "_kombu.binding.", &set);
    text_puts(&set, m->routing_key);
    celery_binding(k, m->routing_key, m->routing_key, &member);
    keys[0] = kept_arg(w, &mark);
    keys[1] = kept_arg(w, &list);
    keys[2] = kept_arg(w, &set);
    *binding = kept_arg(w, &member);
}

static bool push(const struct canvas *w, struct celery_message *sends, size_t count, struct err *e)
{
    struct rd_arg args[5 * BATCH_SENDS + 2];
    size_t texts = 3 * count + 1;
    args[3 * count] = rd_int(SENT_SECONDS);
    for (size_t i = 0; i < count; i++) {
        struct text envelope CLEANUP(text_free) = {0};
        sends[i].routing_key = queue_of(w, &sends[i]);
        sends[i].origin = "drumbeat";
        if (!celery_message_write(&sends[i], &envelope, e))
            return err_add(e, "task %s", sends[i].task);
        add_keys(w, &sends[i], args + 3 * i, &args[texts + 2 * i + 1]);
        args[texts + 2 * i] = kept_arg(w, &envelope);
    }
    args[texts + 2 * count] = (struct rd_arg){.type = RD_END};
    return count == 0 || redis_script(w->courier->redis, &lua_celery_push, 3 * count, args, NULL, e);
}

/* Results of those that will never run -------------------------------------------------------------------------------------- */

static bool write_result(const struct canvas *w, const struct celery_result *result, struct err *e)
{
    struct text json CLEANUP(text_free) = {0};
    celery_result_write(result, &json);
    const struct rd_arg args[] = {rd_text(region_printf(w->region, CELERY_RESULT_KEY "%s", result->id)), rd_int(expires(w)),
                                  rd_bytes(text_str(&json), json.len), {.type = RD_END}};
    return redis_script(w->backend, &lua_celery_result, 1, args, NULL, e);
}

/* What a member of a chord leaves behind: its result, or its exception as the result backend has it. */
static const char *left_behind(const struct canvas *w, const struct celery_result *result)
{
    struct text json CLEANUP(text_free) = {0};
    struct err e;
    celery_result_write(result, &json);
    struct js *meta CLEANUP(js_freep) = js_parse(text_str(&json), json.len, &e);
    return kept_json(w->region, js_get(meta, "result"));
}

/* Chords ------------------------------------------------------------------------------------------------------------------- */

static bool carry_out(const struct canvas *w, const struct canvas_plan *plan, const struct celery_result *failure, struct err *e);

static struct rd_arg taskset(const struct canvas *w, const char *group, const char *part)
{
    return rd_text(region_printf(w->region, TASKSET_KEY "%s%s", group, part));
}

/* "ValueError('v')", as Python shows the exception that a member left. */
static void show_exception(const char *json, struct text *out)
{
    struct err e;
    struct js *left CLEANUP(js_freep) = js_parse(json, strlen(json), &e);
    const struct js *message = js_get(left, "exc_message");
    const char *type = js_text(js_get(left, "exc_type"));
    const struct js *first = js_type(message) == JS_ARRAY ? js_at(message, 0) : message;
    text_printf(out, "%s(", type ? type : "Exception");
    if (js_text(first))
        text_printf(out, "'%s'", js_text(first));
    else if (!js_is_null(first))
        js_write(out, first);
    text_putc(out, ')');
}

/* The array of what the members left, and in `by_id` each as text; NULL and `torn` set when one of them failed. */
static const char *join(const struct canvas *w, const struct rd_reply *members, struct js *by_id, char *torn, size_t room, struct err *e)
{
    struct text all CLEANUP(text_free) = {0};
    text_putc(&all, '[');
    for (size_t i = 0; i < rd_count_of(members); i++) {
        struct canvas_member m;
        if (!canvas_member_read(rd_text_of(rd_at(members, i)), rd_length_of(rd_at(members, i)), w->region, &m, e))
            snprintf(torn, room, "ChordError: %.1000s", e->text);
        else if (strcmp(m.state, "SUCCESS") != 0) {
            struct text shown CLEANUP(text_free) = {0};
            show_exception(m.result, &shown);
            snprintf(torn, room, "ChordError: Dependency %s raised %s", m.id, text_str(&shown));
        }
        if (*torn)
            return NULL;
        text_printf(&all, "%s%s", i ? "," : "", m.result);
        js_set(by_id, m.id, js_new_text(m.result));
    }
    text_putc(&all, ']');
    return region_strndup(w->region, text_str(&all), all.len);
}

/* One of a group's results as Celery writes it: [[id, parent], null], or with an array of more in place of null. False: it is not of these
 * members. */
static bool nest(const struct js *one, const struct js *by_id, int depth, struct text *out)
{
    const struct js *inside = js_at(one, 1);
    const char *id = js_text(js_at(js_at(one, 0), 0));
    if (js_type(inside) != JS_ARRAY) {
        const char *result = id ? js_text(js_get(by_id, id)) : NULL;
        text_puts(out, result ? result : "null");
        return result != NULL;
    }
    bool good = depth < CANVAS_DEPTH_MAX;
    text_putc(out, '[');
    for (size_t i = 0; good && i < js_count(inside); i++) {
        if (i > 0)
            text_putc(out, ',');
        good = nest(js_at(inside, i), by_id, depth + 1, out);
    }
    text_putc(out, ']');
    return good;
}

/* A client whose chord has groups in its header has left with the results of that how they nest. */
static bool nest_as_told(const struct canvas *w, const char *group, const struct js *by_id, const char **results, struct err *e)
{
    const struct rd_reply *told;
    struct text nested CLEANUP(text_free) = {0};
    struct err ignored;
    if (!redis_call(w->backend, &told, e, rd_text("GET"), taskset(w, group, "")))
        return false;
    struct js *meta CLEANUP(js_freep) = js_parse(rd_text_of(told), rd_length_of(told), &ignored);
    if (js_type(js_at(js_get(meta, "result"), 1)) == JS_ARRAY && nest(js_get(meta, "result"), by_id, 0, &nested))
        *results = region_strndup(w->region, text_str(&nested), nested.len);
    return true;
}

static bool end_chord(const struct canvas *w, const struct celery_message *member, const struct rd_reply *members, struct err *e)
{
    struct canvas_plan plan;
    char torn[ERR_TEXT_MAX] = "";
    struct js *by_id CLEANUP(js_freep) = js_new_object();
    const char *results = join(w, members, by_id, torn, sizeof torn, e);
    if (results && !nest_as_told(w, member->group_id, by_id, &results, e))
        return false;
    bool planned = results ? canvas_joined(member, results, w->region, &plan, e) : canvas_torn(member->chord, member->root_id, w->region, &plan, e);
    struct celery_result failure = {.state = CELERY_FAILURE, .error = torn, .done_at = clock_now()};
    if (!planned || !carry_out(w, &plan, &failure, e))
        return err_add(e, "chord of group %s", member->group_id);
    return redis_call(w->backend, NULL, e, rd_text("DEL"), taskset(w, member->group_id, ".j"), taskset(w, member->group_id, ".t"), taskset(w, member->group_id, ".s"));
}

static bool count_member(const struct canvas *w, const struct celery_message *member, const struct celery_result *result, struct err *e)
{
    struct text left CLEANUP(text_free) = {0};
    const struct rd_reply *members;
    canvas_member_write(member->id, celery_state_name(result->state), left_behind(w, result), &left);
    const struct rd_arg args[] = {taskset(w, member->group_id, ".j"), taskset(w, member->group_id, ".t"), taskset(w, member->group_id, ".s"),
                                  rd_text(member->id), rd_bytes(text_str(&left), left.len),
                                  rd_text(member->group_index >= 0 ? region_printf(w->region, "%lld", (long long)member->group_index) : "+inf"),
                                  rd_int(expires(w)), {.type = RD_END}};
    return redis_script(w->backend, &lua_celery_chord, 3, args, &members, e) && (rd_count_of(members) == 0 || end_chord(w, member, members, e));
}

static bool start_chords(const struct canvas *w, const struct canvas_plan *plan, struct err *e)
{
    for (size_t i = 0; i < plan->size_count; i++) {
        struct rd_arg key = taskset(w, plan->sizes[i].group, ".s"), size = rd_int(plan->sizes[i].members);
        bool set = expires(w) ? redis_call(w->backend, NULL, e, rd_text("SETEX"), key, rd_int(expires(w)), size) : redis_call(w->backend, NULL, e, rd_text("SET"), key, size);
        if (!set)
            return false;
    }
    return true;
}

/* Everything ---------------------------------------------------------------------------------------------------------------- */

/* One that never runs ends as the task before it did, and counts in its chord. */
static bool tell_heir(const struct canvas *w, const struct canvas_heir *heir, const struct celery_result *failure, struct err *e)
{
    struct celery_result result = {.state = failure->state, .id = heir->id, .error = failure->error, .outcome = failure->outcome, .group_id = heir->group,
                                   .done_at = failure->done_at};
    const struct celery_message member = {.id = heir->id, .root_id = heir->id, .group_id = heir->group, .group_index = heir->group_index, .chord = heir->chord};
    return write_result(w, &result, e) && (!heir->chord || !heir->group || count_member(w, &member, &result, e));
}

static bool carry_out(const struct canvas *w, const struct canvas_plan *plan, const struct celery_result *failure, struct err *e)
{
    for (size_t i = 0; i < plan->heir_count; i++)
        if (!tell_heir(w, &plan->heirs[i], failure, e))
            return false;
    if (!start_chords(w, plan, e))
        return false;
    for (size_t i = 0; i < plan->send_count; i += BATCH_SENDS)
        if (!push(w, plan->sends + i, plan->send_count - i < BATCH_SENDS ? plan->send_count - i : BATCH_SENDS, e))
            return false;
    return true;
}

static struct celery_message read_ended(struct region *r, const char *id, const struct js *embed)
{
    struct celery_message m = {.id = id, .group_index = -1};
    m.root_id = kept_text(r, js_get(embed, "root_id"));
    m.group_id = kept_text(r, js_get(embed, "group"));
    m.callbacks = kept_json(r, js_get(embed, "callbacks"));
    m.errbacks = kept_json(r, js_get(embed, "errbacks"));
    m.chain = kept_json(r, js_get(embed, "chain"));
    m.chord = kept_json(r, js_get(embed, "chord"));
    js_integer(js_get(embed, "group_index"), &m.group_index);
    return m;
}

static bool follow(const struct canvas *w, const struct celery_message *ended, const struct celery_result *result, struct err *e)
{
    struct canvas_plan plan;
    struct celery_message quiet = *ended;
    if (result->state == CELERY_REVOKED)
        quiet.errbacks = NULL; /* as Celery does: nobody made a mistake */
    bool planned = result->state == CELERY_SUCCESS ? canvas_succeeded(ended, result->result, w->region, &plan, e) : canvas_failed(&quiet, w->region, &plan, e);
    return planned && carry_out(w, &plan, result, e) && (!ended->chord || !ended->group_id || count_member(w, ended, result, e));
}

/* What is wrong with the canvas, and stays wrong. */
static bool is_ours_to_bear(const struct err *e)
{
    return e->kind == ERR_DATA || e->kind == ERR_USAGE || e->kind == ERR_LIMIT;
}

/* Most have none, and are not read to find that out. */
static bool may_have_canvas(const char *embed)
{
    return strstr(embed, "\"callbacks\"") || strstr(embed, "\"errbacks\"") || strstr(embed, "\"chain\"") || strstr(embed, "\"chord\"");
}

bool courier_canvas(struct courier *c, const struct celery_queues *queues, struct redis *backend, const struct canvas_end *end, struct err *e)
{
    if (!may_have_canvas(end->embed))
        return true;
    struct js *embed CLEANUP(js_freep) = js_parse(end->embed, strlen(end->embed), e);
    if (!embed) {
        log_warning("celery.canvas_refused", LOG_STR("task", end->result->id), LOG_ERR(e));
        return true;
    }
    struct canvas w = {.courier = c, .queues = queues, .backend = backend, .region = region_new(), .queue = end->queue};
    struct celery_message ended = read_ended(w.region, end->result->id, embed);
    bool good = follow(&w, &ended, end->result, e);
    if (!good && is_ours_to_bear(e)) {
        log_warning("celery.canvas_refused", LOG_STR("task", end->result->id), LOG_ERR(e));
        good = true;
    }
    region_free(w.region);
    return good || err_add(e, "what follows task %s", end->result->id);
}
