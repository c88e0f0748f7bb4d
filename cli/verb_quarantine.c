/* quarantine ls, show, release, drop: messages of Celery clients that could not be read, or that nobody here has a handler for. An element of
 * the list is the second in which it was set aside, a blank, the reason, a line's end, and the message as it came. */
#include "cli/confirm.h"
#include "cli/session.h"
#include "cli/verb.h"
#include "common/celery/keys.h"
#include "sql/scripts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASIDE_MAX = 100000, ID_SIZE = 17 };

struct args {
    const char *queue;
    const char *id;
    bool json, yes;
};

static const struct flag ls_flags[] = {
    TEXT_OPERAND(struct args, queue, "QUEUE", .required = true, .help = "the queue"),
    SWITCH_FLAG(struct args, json, "json", .help = "print JSON, one object a line"),
    {0},
};

static const struct flag show_flags[] = {
    TEXT_OPERAND(struct args, queue, "QUEUE", .required = true, .help = "the queue"),
    TEXT_OPERAND(struct args, id, "ID", .required = true, .help = "which, as ls shows it"),
    {0},
};

static const struct flag move_flags[] = {
    TEXT_OPERAND(struct args, queue, "QUEUE", .required = true, .help = "the queue"),
    TEXT_OPERAND(struct args, id, "ID", .help = "which, as ls shows it (all of them)"),
    SWITCH_FLAG(struct args, yes, "yes", .help = "do not ask"),
    {0},
};

/* Its name is a hash of it (FNV-1a), so that it is the same whatever else comes and goes. */
static const char *id_of(const char *element, size_t len, char out[static ID_SIZE])
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)element[i]) * UINT64_C(1099511628211);
    snprintf(out, ID_SIZE, "%016" PRIx64, hash);
    return out;
}

struct shelf {
    struct text aside, queue; /* keys */
    const struct rd_reply *elements;
};

static void shelf_free(struct shelf *shelf)
{
    text_free(&shelf->aside);
    text_free(&shelf->queue);
}

static bool open_shelf(struct session *s, const char *queue, struct shelf *shelf, struct err *e)
{
    if (!session_config(s, NULL, e))
        return false;
    struct celery_keys keys = celery_keys(s->config->celery.key_prefix, s->config->celery.separator, s->config->celery.priority_steps, 0);
    struct redis *redis = session_redis(s, e);
    celery_aside(&keys, queue, &shelf->aside);
    celery_list(&keys, queue, 0, &shelf->queue);
    return redis && redis_call(redis, &shelf->elements, e, rd_text("LRANGE"), rd_text(text_str(&shelf->aside)), rd_int(0), rd_int(ASIDE_MAX - 1));
}

static const struct rd_reply *find(const struct shelf *shelf, const char *id, struct err *e)
{
    char own[ID_SIZE];
    for (size_t i = 0; i < rd_count_of(shelf->elements); i++) {
        const struct rd_reply *element = rd_at(shelf->elements, i);
        if (strcmp(id_of(rd_text_of(element), rd_length_of(element), own), id) == 0)
            return element;
    }
    err_set(e, ERR_NOT_FOUND, "nothing set aside has the id %s", id);
    return NULL;
}

static void print_element(const struct rd_reply *element, bool json)
{
    char id[ID_SIZE], at[CLOCK_TEXT_MAX];
    const char *text = rd_text_of(element), *end = memchr(text, '\n', rd_length_of(element)), *blank = strchr(text, ' ');
    const char *reason = blank ? blank + 1 : text;
    size_t reason_len = end && end >= reason ? (size_t)(end - reason) : strlen(reason);
    size_t bytes = end ? rd_length_of(element) - (size_t)(end + 1 - text) : 0;
    struct text clean CLEANUP(text_free) = {0};
    id_of(text, rd_length_of(element), id);
    clock_format(SECONDS(strtoll(text, NULL, 10)), at);
    if (json) {
        text_json_string(&clean, reason, reason_len);
        printf("{\"id\":\"%s\",\"set_aside_at\":\"%s\",\"bytes\":%zu,\"reason\":%s}\n", id, at, bytes, text_str(&clean));
        return;
    }
    text_utf8(&clean, reason, reason_len);
    printf("%s  %s  %8zu  %s\n", id, at, bytes, text_str(&clean));
}

static int run_ls(int argc, char **argv)
{
    struct args args = {0};
    struct shelf shelf CLEANUP(shelf_free) = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(ls_flags, argc, argv, &args, &e) || !open_shelf(&s, args.queue, &shelf, &e))
        return verb_failed(&e);
    for (size_t i = 0; i < rd_count_of(shelf.elements); i++)
        print_element(rd_at(shelf.elements, i), args.json);
    return EXIT_DONE;
}

static int run_show(int argc, char **argv)
{
    struct args args = {0};
    struct shelf shelf CLEANUP(shelf_free) = {0};
    CLEANUP(session_close) struct session s = {0};
    struct err e;
    if (!flags_read(show_flags, argc, argv, &args, &e) || !open_shelf(&s, args.queue, &shelf, &e))
        return verb_failed(&e);
    const struct rd_reply *element = find(&shelf, args.id, &e);
    if (!element)
        return verb_failed(&e);
    fwrite(rd_text_of(element), 1, rd_length_of(element), stdout);
    putchar('\n');
    return EXIT_DONE;
}

static bool agreed(const struct args *args, const char *verb, size_t count, struct err *e)
{
    struct text question CLEANUP(text_free) = {0}, refusal CLEANUP(text_free) = {0};
    text_printf(&question, "%s all %zu messages set aside of queue %s?", verb, count, args->queue);
    text_printf(&refusal, "%zu messages are set aside of %s and nobody confirmed", count, args->queue);
    return confirm(args->yes || args->id || count == 0, text_str(&question), text_str(&refusal), e);
}

/* The reply's texts are void with the next call: what is sent is copied. */
static int move(int argc, char **argv, const char *how, const char *verb, const char *done)
{
    struct args args = {0};
    struct shelf shelf CLEANUP(shelf_free) = {0};
    struct text element CLEANUP(text_free) = {0};
    CLEANUP(session_close) struct session s = {0};
    const struct rd_reply *reply;
    struct err e;
    if (!flags_read(move_flags, argc, argv, &args, &e) || !open_shelf(&s, args.queue, &shelf, &e) ||
        !agreed(&args, verb, rd_count_of(shelf.elements), &e))
        return verb_failed(&e);
    const struct rd_reply *found = args.id ? find(&shelf, args.id, &e) : NULL;
    if (args.id && !found)
        return verb_failed(&e);
    text_add(&element, rd_text_of(found), rd_length_of(found));
    struct rd_arg words[5] = {rd_text(text_str(&shelf.aside)), rd_text(text_str(&shelf.queue)), rd_text(how),
                              found ? rd_bytes(text_str(&element), element.len) : (struct rd_arg){.type = RD_END}};
    if (!redis_script(s.redis, &lua_celery_aside, 2, words, &reply, &e))
        return verb_failed(&e);
    printf("%" PRId64 " message%s of queue %s %s\n", rd_int_of(reply), rd_int_of(reply) == 1 ? "" : "s", args.queue, done);
    return EXIT_DONE;
}

static int run_release(int argc, char **argv)
{
    return move(argc, argv, "release", "Put back", "put back");
}

static int run_drop(int argc, char **argv)
{
    return move(argc, argv, "drop", "Drop", "dropped");
}

const struct verb verb_quarantine_ls = {
    .name = "quarantine ls",
    .summary = "messages of Celery clients that were set aside, the newest first: id, when, bytes, why",
    .example = "drumbeat quarantine ls celery",
    .flags = ls_flags,
    .run = run_ls,
};

const struct verb verb_quarantine_show = {
    .name = "quarantine show",
    .summary = "one of them: a line with the second and the reason, then the message as it came",
    .example = "drumbeat quarantine show celery 7d3c1f0a5b2e9c44",
    .flags = show_flags,
    .run = run_show,
};

const struct verb verb_quarantine_release = {
    .name = "quarantine release",
    .summary = "put messages that were set aside back into their queue, as they came",
    .example = "drumbeat quarantine release celery --yes",
    .flags = move_flags,
    .run = run_release,
};

const struct verb verb_quarantine_drop = {
    .name = "quarantine drop",
    .summary = "forget messages that were set aside",
    .example = "drumbeat quarantine drop celery 7d3c1f0a5b2e9c44",
    .flags = move_flags,
    .run = run_drop,
};
