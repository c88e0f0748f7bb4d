/* flags: the command line by a table. A new kind of value is a row of `types`. */
#include "cli/flags.h"
#include "cli/near.h"
#include "common/base/region.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct global_flags global_flags;

const struct flag global_flag_rows[] = {
    TEXT_FLAG(struct global_flags, config, "config", .value = "FILE", .help = "the configuration (else DRUMBEAT_CONFIG, ./drumbeat.yaml, /etc/drumbeat/drumbeat.yaml)"),
    TEXT_FLAG(struct global_flags, database_url, "database-url", .value = "URL", .help = "the PostgreSQL to use (else DATABASE_URL, database.url)"),
    LIST_FLAG(struct global_flags, set, "set", .value = "OPTION=VALUE", .help = "any option of the configuration, such as worker.pool=8"),
    SWITCH_FLAG(struct global_flags, help, "help", .help = "this text"),
    {0},
};

/* A list while it grows: its last element is NULL. Lives as long as the process. */
static struct region *lists;

static void list_add(const char ***list, const char *value)
{
    size_t count = 0;
    while (*list && (*list)[count])
        count++;
    if (!lists)
        lists = region_new();
    const char **grown = region_alloc(lists, (count + 2) * sizeof *grown);
    for (size_t i = 0; i < count; i++)
        grown[i] = (*list)[i];
    grown[count] = value;
    *list = grown;
}

static const char *dashes(const struct flag *flag)
{
    return flag->operand ? "" : "--";
}

static bool in_range(const struct flag *flag, int64_t number)
{
    if (flag->min == 0 && flag->max == 0)
        return number >= 0;
    return number >= flag->min && number <= flag->max;
}

static bool read_number(const struct flag *flag, const char *value, void *member, struct err *e)
{
    char *end;
    errno = 0;
    int64_t number = strtoll(value, &end, 10);
    if (end == value || *end || errno)
        return err_set(e, ERR_USAGE, "%s%s: '%s' is not a whole number", dashes(flag), flag->name, value);
    if (!in_range(flag, number) && flag->max == 0)
        return err_set(e, ERR_USAGE, "%s%s: %s is below %" PRId64, dashes(flag), flag->name, value, flag->min);
    if (!in_range(flag, number))
        return err_set(e, ERR_USAGE, "%s%s: %s is not between %" PRId64 " and %" PRId64, dashes(flag), flag->name, value, flag->min, flag->max);
    memcpy(member, &number, sizeof number);
    return true;
}

static bool read_time(const struct flag *flag, const char *value, void *member, struct err *e)
{
    usec_t at;
    if (!clock_parse(value, &at, e))
        return err_add(e, "%s%s", dashes(flag), flag->name);
    memcpy(member, &at, sizeof at);
    return true;
}

static bool read_duration(const struct flag *flag, const char *value, void *member, struct err *e)
{
    usec_t duration;
    if (!duration_parse(value, &duration, e))
        return err_add(e, "%s%s", dashes(flag), flag->name);
    memcpy(member, &duration, sizeof duration);
    return true;
}

static bool read_text(const struct flag *flag, const char *value, void *member, struct err *e)
{
    (void)flag;
    (void)e;
    memcpy(member, &value, sizeof value);
    return true;
}

static bool read_list(const struct flag *flag, const char *value, void *member, struct err *e)
{
    (void)flag;
    (void)e;
    list_add(member, value);
    return true;
}

static bool (*const types[FLAG_TYPES])(const struct flag *, const char *, void *, struct err *) = {
    [FLAG_TEXT] = read_text,         [FLAG_NUMBER] = read_number, [FLAG_TIME] = read_time,
    [FLAG_DURATION] = read_duration, [FLAG_LIST] = read_list,
};

static const struct flag *find(const struct flag *flags, const char *name, size_t length)
{
    for (const struct flag *flag = flags; flag && flag->name; flag++)
        if (!flag->operand && strlen(flag->name) == length && strncmp(flag->name, name, length) == 0)
            return flag;
    return NULL;
}

static void consider_all(struct near *near, const struct flag *flags)
{
    for (const struct flag *flag = flags; flag && flag->name; flag++)
        if (!flag->operand)
            near_consider(near, flag->name);
}

static bool unknown(const struct flag *flags, const char *verb, const char *word, size_t length, struct err *e)
{
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    struct near near = {.wanted = name};
    consider_all(&near, flags);
    consider_all(&near, global_flag_rows);
    if (near.best)
        return err_set(e, ERR_USAGE, "%s: unknown flag --%s (did you mean --%s?)", verb, name, near.best);
    return err_set(e, ERR_USAGE, "%s: unknown flag --%s (drumbeat %s --help lists them)", verb, name, verb);
}

/* What is being read. */
struct reading {
    const struct flag *flags;
    void *out;
    int argc;
    char **argv;
    int next;
    const struct flag *operand; /* the row the next operand belongs to */
};

static bool read_flag(struct reading *r, const char *word, struct err *e)
{
    size_t length = strcspn(word, "=");
    const char *value = word[length] ? word + length + 1 : NULL;
    const struct flag *flag = find(r->flags, word, length);
    char *base = r->out;
    if (!flag) {
        flag = find(global_flag_rows, word, length);
        base = (char *)&global_flags;
    }
    if (!flag)
        return unknown(r->flags, r->argv[0], word, length, e);
    if (flag->type == FLAG_SWITCH && value)
        return err_set(e, ERR_USAGE, "--%s takes no value", flag->name);
    if (flag->type == FLAG_SWITCH) {
        *(bool *)(base + flag->offset) = true;
        return true;
    }
    if (!value && r->next == r->argc)
        return err_set(e, ERR_USAGE, "--%s needs a value, %s", flag->name, flag->value);
    if (!value)
        value = r->argv[r->next++];
    return types[flag->type](flag, value, base + flag->offset, e);
}

static const struct flag *next_operand(const struct flag *flag)
{
    while (flag && flag->name && !flag->operand)
        flag++;
    return flag && flag->name ? flag : NULL;
}

static bool read_operand(struct reading *r, const char *word, struct err *e)
{
    const struct flag *flag = r->operand;
    if (!flag)
        return err_set(e, ERR_USAGE, "%s: '%s' is one argument too many (drumbeat %s --help)", r->argv[0], word, r->argv[0]);
    if (flag->type != FLAG_LIST)
        r->operand = next_operand(flag + 1);
    return types[flag->type](flag, word, (char *)r->out + flag->offset, e);
}

/* Is an operand missing that is required? */
static bool all_given(const struct reading *r, const struct flag *last, struct err *e)
{
    const struct flag *missing = r->operand;
    if (missing && missing->type == FLAG_LIST && missing == last)
        return true;
    if (missing && missing->required)
        return err_set(e, ERR_USAGE, "%s: %s is missing (drumbeat %s --help)", r->argv[0], missing->name, r->argv[0]);
    return true;
}

bool flags_read(const struct flag *flags, int argc, char **argv, void *out, struct err *e)
{
    struct reading r = {.flags = flags, .out = out, .argc = argc, .argv = argv, .next = 1, .operand = next_operand(flags)};
    const struct flag *last = NULL; /* the row of the last operand that was given */
    bool ended = false;
    while (r.next < argc) {
        const char *word = argv[r.next++];
        if (!ended && strcmp(word, "--") == 0) {
            ended = true;
        } else if (!ended && word[0] == '-' && word[1] == '-') {
            if (!read_flag(&r, word + 2, e))
                return false;
        } else if (!ended && word[0] == '-' && word[1]) {
            return err_set(e, ERR_USAGE, "%s: unknown flag %s (flags begin with two dashes)", argv[0], word);
        } else {
            last = r.operand;
            if (!read_operand(&r, word, e))
                return false;
        }
    }
    return all_given(&r, last, e);
}

void flags_usage(const struct flag *flags, struct text *out)
{
    for (const struct flag *flag = flags; flag && flag->name; flag++) {
        const char *more = flag->type == FLAG_LIST ? "…" : "";
        if (flag->operand && flag->required)
            text_printf(out, " %s%s", flag->name, more);
        else if (flag->operand)
            text_printf(out, " [%s%s]", flag->name, more);
    }
    for (const struct flag *flag = flags; flag && flag->name; flag++)
        if (!flag->operand)
            text_printf(out, " [--%s%s%s]", flag->name, flag->value ? " " : "", flag->value ? flag->value : "");
}

/* How many columns of a terminal a text takes; all of ours are one wide. */
static size_t width_of(const char *s)
{
    size_t width = 0;
    for (; *s; s++)
        width += ((unsigned char)*s & 0xC0) != 0x80;
    return width;
}

enum { HELP_COLUMN = 26 };

void flags_help(const struct flag *flags, struct text *out)
{
    for (const struct flag *flag = flags; flag && flag->name; flag++) {
        char left[128];
        snprintf(left, sizeof left, "%s%s%s%s", dashes(flag), flag->name, flag->value ? " " : "", flag->value ? flag->value : "");
        size_t width = width_of(left);
        text_printf(out, "  %s", left);
        if (width + 1 > HELP_COLUMN) {
            text_puts(out, "\n  ");
            width = 0;
        }
        text_printf(out, "%*s %s\n", (int)(HELP_COLUMN - width), "", flag->help ? flag->help : "");
    }
}
