/* value: what each type of option accepts. A new type is a name in options.h, a row of `kinds` and one in print.c. */
#include "config/value.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/size.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What one text or one node becomes; `slot` is the member. */
struct target {
    struct region *memory;
    const struct option *option;
    void *slot;
    const struct node *wrong; /* the node at fault, when it is not the value itself */
};

static bool keep_text(const struct target *t, const char *written)
{
    *(const char **)t->slot = *written ? region_strdup(t->memory, written) : NULL;
    return true;
}

static bool set_text(struct target *t, const char *written, struct err *e)
{
    return is_one_line(written) ? keep_text(t, written) : err_set(e, ERR_USAGE, "has a control character in it");
}

static bool set_url(struct target *t, const char *written, struct err *e)
{
    struct text url CLEANUP(text_free) = {0};
    return config_secret(written, &url, e) && set_text(t, text_str(&url), e);
}

/* It is no secret and is shown: a reference here is a mistake, the address has a variable of its own. */
static bool set_address(struct target *t, const char *written, struct err *e)
{
    if (strncmp(written, "env:", 4) == 0 || strncmp(written, "file:", 5) == 0)
        return err_set(e, ERR_USAGE, "cannot be a reference, only secrets can");
    return set_text(t, written, e);
}

static bool check_queue(const char *name, struct err *e)
{
    return name_fits(NAME_SHORT, name) ||
           err_set(e, ERR_USAGE, "'%.100s' is not a queue's name: 1 to 63 of a-z 0-9 _ . -", name);
}

static bool set_queue(struct target *t, const char *written, struct err *e)
{
    return check_queue(written, e) && keep_text(t, written);
}

static bool set_choice(struct target *t, const char *written, struct err *e)
{
    struct text all CLEANUP(text_free) = {0};
    for (const char *const *choice = t->option->choices; *choice; choice++) {
        if (strcmp(*choice, written) == 0) {
            *(const char **)t->slot = *choice;
            return true;
        }
        text_printf(&all, "%s%s", all.len ? ", " : "", *choice);
    }
    return err_set(e, ERR_USAGE, "'%.100s' is not one of %s", written, text_str(&all));
}

/* The text is kept as written, on one line: its numbers stay exact. Line breaks are never inside JSON strings. */
static bool set_json(struct target *t, const char *written, struct err *e)
{
    struct js *document CLEANUP(js_freep) = js_parse(written, strlen(written), e);
    if (!document) {
        e->kind = ERR_USAGE;
        return false;
    }
    if (js_type(document) != JS_OBJECT)
        return err_set(e, ERR_USAGE, "must be a mapping or the text of a JSON object, not %s",
                       js_type_name(js_type(document)));
    char *line = region_strdup(t->memory, written);
    for (char *p = line; (p = strpbrk(p, "\r\n\t")); p++)
        *p = ' ';
    *(const char **)t->slot = line;
    return true;
}

/* `format` writes a bound the way the value is written. */
static bool check_range(const struct target *t, const char *written, int64_t value,
                        const char *(*format)(int64_t bound, char *out), struct err *e)
{
    char bound[CLOCK_TEXT_MAX];
    if (value < t->option->min)
        return err_set(e, ERR_USAGE, "'%s' is below %s", written, format(t->option->min, bound));
    if (value > t->option->max)
        return err_set(e, ERR_USAGE, "'%s' is above %s", written, format(t->option->max, bound));
    return true;
}

static const char *format_number(int64_t number, char *out)
{
    snprintf(out, CLOCK_TEXT_MAX, "%lld", (long long)number);
    return out;
}

_Static_assert((int)SIZE_TEXT_MAX <= (int)CLOCK_TEXT_MAX, "one buffer serves all");

static bool parse_number(const char *written, int64_t *number, struct err *e)
{
    enum { DIGITS_MAX = 18 };
    const char *digits = written + (*written == '-');
    size_t count = strspn(digits, "0123456789");
    if (count == 0 || count > DIGITS_MAX || digits[count] != '\0')
        return err_set(e, ERR_USAGE, "'%.100s' is not a whole number", written);
    *number = strtoll(written, NULL, 10);
    return true;
}

/* As drumbeat.rate_step() reads it: tasks, '/', then a unit or several of one. */
static bool is_rate(const char *written)
{
    enum { DIGITS_MAX = 6 };
    size_t tasks = strspn(written, "0123456789");
    if (tasks == 0 || tasks > DIGITS_MAX || strspn(written, "0") == tasks || written[tasks] != '/')
        return false;
    const char *time = written + tasks + 1;
    size_t units = strspn(time, "0123456789");
    bool none = units > 0 && strspn(time, "0") >= units;
    return !none && units <= DIGITS_MAX && time[units] && strchr("smhd", time[units]) && time[units + 1] == '\0';
}

static bool set_rate(struct target *t, const char *written, struct err *e)
{
    if (!is_rate(written))
        return err_set(e, ERR_USAGE, "'%.100s' is not a rate like 10/s, 600/m or 5/10m", written);
    *(const char **)t->slot = region_strdup(t->memory, written);
    return true;
}

static bool set_count(struct target *t, const char *written, struct err *e)
{
    int64_t number = 0;
    if (!parse_number(written, &number, e) || !check_range(t, written, number, format_number, e))
        return false;
    *(int64_t *)t->slot = number;
    return true;
}

/* The option's range lies within int. */
static bool set_int(struct target *t, const char *written, struct err *e)
{
    int64_t number = 0;
    if (!parse_number(written, &number, e) || !check_range(t, written, number, format_number, e))
        return false;
    *(int *)t->slot = (int)number;
    return true;
}

static bool set_size(struct target *t, const char *written, struct err *e)
{
    int64_t bytes;
    if (!size_parse(written, &bytes, e) || !check_range(t, written, bytes, size_format, e))
        return false;
    *(int64_t *)t->slot = bytes;
    return true;
}

static bool set_duration(struct target *t, const char *written, struct err *e)
{
    usec_t duration;
    if (!duration_parse(written, &duration, e) || !check_range(t, written, duration, duration_format, e))
        return false;
    *(usec_t *)t->slot = duration;
    return true;
}

/* One text of a list of durations, at `out`. */
static bool add_duration(struct target *t, const char *written, usec_t *out, struct err *e)
{
    struct target one = {.option = t->option, .slot = out};
    return set_duration(&one, written, e);
}

static usec_t *new_durations(const struct target *t, size_t count)
{
    usec_t *list = region_alloc(t->memory, (count + 1) * sizeof *list);
    list[count] = -1;
    *(const usec_t **)t->slot = list;
    return list;
}

static bool set_moment(struct target *t, const char *written, struct err *e)
{
    return clock_parse(written, t->slot, e);
}

static bool set_bool(struct target *t, const char *written, struct err *e)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false}, {"on", true}, {"off", false}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(words[i].word, written) == 0) {
            *(bool *)t->slot = words[i].value;
            return true;
        }
    }
    return err_set(e, ERR_USAGE, "'%.100s' is not true or false", written);
}

static const char **new_list(const struct target *t, size_t count)
{
    return region_alloc(t->memory, (count + 1) * sizeof(const char *));
}

static void keep_list(const struct target *t, const char **list)
{
    *(const char *const **)t->slot = (const char *const *)list;
}

/* How many items stand in a text with commas between them. */
static bool count_items(const char *written, size_t *count, struct err *e)
{
    *count = 1;
    for (const char *p = written; *p; p++)
        *count += *p == ',';
    return *count <= VALUE_ITEMS_MAX || err_set(e, ERR_LIMIT, "more than %d items", VALUE_ITEMS_MAX);
}

/* The next of them, without the blanks around it. */
static const char *next_item(const struct target *t, const char **written)
{
    *written += strspn(*written, " ");
    size_t length = strcspn(*written, ","), item = length;
    while (item > 0 && (*written)[item - 1] == ' ')
        item--;
    const char *copy = region_strndup(t->memory, *written, item);
    *written += length + ((*written)[length] == ',');
    return copy;
}

static bool set_queues(struct target *t, const char *written, struct err *e)
{
    size_t count;
    if (!count_items(written, &count, e))
        return false;
    const char **list = new_list(t, count);
    for (size_t i = 0; i < count; i++) {
        list[i] = next_item(t, &written);
        if (!check_queue(list[i], e))
            return false;
    }
    keep_list(t, list);
    return true;
}

static bool set_durations(struct target *t, const char *written, struct err *e)
{
    size_t count;
    if (!count_items(written, &count, e))
        return false;
    usec_t *list = new_durations(t, count);
    for (size_t i = 0; i < count; i++)
        if (!add_duration(t, next_item(t, &written), &list[i], e))
            return false;
    return true;
}

static bool set_spec(struct target *t, const char *written, struct err *e)
{
    if (*written == '\0' || !is_one_line(written))
        return err_set(e, ERR_USAGE, "must be a cron expression on one line");
    const char **list = new_list(t, 1);
    list[0] = region_strdup(t->memory, written);
    keep_list(t, list);
    return true;
}

static bool refuse_scalar(struct target *t, const char *written, struct err *e)
{
    (void)written;
    return err_set(e, ERR_USAGE, "must be a %s", t->option->type == OPTION_ARGV ? "list" : "mapping");
}

static bool read_json(struct target *t, const struct node *node, struct err *e)
{
    struct text json CLEANUP(text_free) = {0};
    if (node->type == NODE_LIST)
        return err_set(e, ERR_USAGE, "must be a mapping, not a list");
    node_json(node, &json);
    return set_json(t, text_str(&json), e);
}

static bool check_items(struct target *t, const struct node *node, enum node_type wanted, struct err *e)
{
    if (node->type != wanted)
        return err_set(e, ERR_USAGE, "must be a %s", wanted == NODE_LIST ? "list" : "mapping");
    if (node->count == 0)
        return err_set(e, ERR_USAGE, "is empty");
    if (node->count > VALUE_ITEMS_MAX)
        return err_set(e, ERR_LIMIT, "more than %d items", VALUE_ITEMS_MAX);
    for (const struct node *item = node->first; item; item = item->next) {
        t->wrong = item;
        if (item->type != NODE_SCALAR || node_is_null(item))
            return err_set(e, ERR_USAGE, "holds something that is not a text or a number");
    }
    t->wrong = NULL;
    return true;
}

/* A list of texts, each of which `check` accepts. */
static bool read_list(struct target *t, const struct node *node, bool (*check)(const char *item, struct err *e),
                      struct err *e)
{
    if (!check_items(t, node, NODE_LIST, e))
        return false;
    const char **list = new_list(t, node->count);
    size_t count = 0;
    for (const struct node *item = node->first; item; item = item->next) {
        if (!check(item->text, e)) {
            t->wrong = item;
            return false;
        }
        list[count++] = item->text;
    }
    keep_list(t, list);
    return true;
}

static bool read_queues(struct target *t, const struct node *node, struct err *e)
{
    return read_list(t, node, check_queue, e);
}

static bool check_spec(const char *item, struct err *e)
{
    return (*item && is_one_line(item)) || err_set(e, ERR_USAGE, "must be a cron expression on one line");
}

static bool read_specs(struct target *t, const struct node *node, struct err *e)
{
    return read_list(t, node, check_spec, e);
}

static bool read_durations(struct target *t, const struct node *node, struct err *e)
{
    if (!check_items(t, node, NODE_LIST, e))
        return false;
    usec_t *list = new_durations(t, node->count);
    for (const struct node *item = node->first; item; item = item->next)
        if (!add_duration(t, item->text, list++, e)) {
            t->wrong = item;
            return false;
        }
    return true;
}

static bool check_argument(const char *item, struct err *e)
{
    (void)item, (void)e;
    return true;
}

static bool read_argv(struct target *t, const struct node *node, struct err *e)
{
    if (!read_list(t, node, check_argument, e))
        return false;
    return *node->first->text || err_set(e, ERR_USAGE, "begins with an empty program");
}

/* A mapping as texts "key" `between` "value". */
static bool read_pairs(struct target *t, const struct node *node, const char *between,
                       bool (*check)(const char *key, const char *value, struct err *e), struct err *e)
{
    if (!check_items(t, node, NODE_MAP, e))
        return false;
    const char **list = new_list(t, node->count);
    size_t count = 0;
    for (const struct node *item = node->first; item; item = item->next) {
        if (!check(item->key->text, item->text, e)) {
            t->wrong = item->key;
            return false;
        }
        list[count++] = region_printf(t->memory, "%s%s%s", item->key->text, between, item->text);
    }
    keep_list(t, list);
    return true;
}

static bool check_variable(const char *key, const char *value, struct err *e)
{
    (void)value;
    size_t length = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return (length > 0 && key[length] == '\0' && !isdigit((unsigned char)*key)) ||
           err_set(e, ERR_USAGE, "'%.100s' is not the name of an environment variable", key);
}

static bool read_env(struct target *t, const struct node *node, struct err *e)
{
    return read_pairs(t, node, "=", check_variable, e);
}

/* RFC 9110 section 5.1; a value with a line break would smuggle in a header of its own. */
static bool check_header(const char *key, const char *value, struct err *e)
{
    size_t length = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~");
    if (length == 0 || key[length] != '\0')
        return err_set(e, ERR_USAGE, "'%.100s' is not the name of a header", key);
    return is_one_line(value) || err_set(e, ERR_USAGE, "the value of %.100s has a control character in it", key);
}

static bool read_headers(struct target *t, const struct node *node, struct err *e)
{
    return read_pairs(t, node, ": ", check_header, e);
}

/* `set` takes one text; `read` takes a list or a mapping, and NULL there means that only a text will do. */
static const struct kind {
    bool (*set)(struct target *t, const char *written, struct err *e);
    bool (*read)(struct target *t, const struct node *node, struct err *e);
} kinds[OPTION_TYPES] = {
    [OPTION_TEXT] = {set_text},
    [OPTION_URL] = {set_url},
    [OPTION_ADDRESS] = {set_address},
    [OPTION_QUEUE] = {set_queue},
    [OPTION_CHOICE] = {set_choice},
    [OPTION_JSON] = {set_json, read_json},
    [OPTION_INT] = {set_int},
    [OPTION_COUNT] = {set_count},
    [OPTION_SIZE] = {set_size},
    [OPTION_DURATION] = {set_duration},
    [OPTION_RATE] = {set_rate},
    [OPTION_DURATIONS] = {set_durations, read_durations},
    [OPTION_MOMENT] = {set_moment},
    [OPTION_BOOL] = {set_bool},
    [OPTION_QUEUES] = {set_queues, read_queues},
    [OPTION_SPECS] = {set_spec, read_specs},
    [OPTION_ARGV] = {refuse_scalar, read_argv},
    [OPTION_ENV] = {refuse_scalar, read_env},
    [OPTION_HEADERS] = {refuse_scalar, read_headers},
};

bool value_set(struct region *memory, const struct option *option, void *slot, const char *written, struct err *e)
{
    struct target t = {.memory = memory, .option = option, .slot = slot};
    return kinds[option->type].set(&t, written, e);
}

bool value_set_node(struct region *memory, const struct option *option, void *slot, const struct node *node,
                    const struct node **wrong, struct err *e)
{
    const struct kind *kind = &kinds[option->type];
    struct target t = {.memory = memory, .option = option, .slot = slot};
    bool ok;
    if (node->type == NODE_SCALAR)
        ok = kind->set(&t, node->text, e);
    else
        ok = kind->read ? kind->read(&t, node, e)
                        : err_set(e, ERR_USAGE, "must be a single value, not a %s",
                                  node->type == NODE_LIST ? "list" : "mapping");
    *wrong = t.wrong ? t.wrong : node;
    return ok;
}
