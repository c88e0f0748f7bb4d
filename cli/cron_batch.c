/* cron_batch: questions in, fire times out. A question's keys are read in read_question(). */
#include "cli/cron_batch.h"
#include "common/base/cron.h"
#include "common/base/json.h"
#include "common/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024, LINE_MAX_BYTES = 1024 * 1024, ANSWERS_MAX = 256 * 1024 };

struct batch {
    int in, out;
    struct text line;    /* read so far of a line that has not ended */
    struct text answers; /* not yet written */
};

struct question {
    const char *expr, *tz, *seed;
    usec_t from;
    int64_t count;
};

static bool wrong_type(const char *key, const char *wanted, const struct js *found, struct err *e)
{
    return err_set(e, ERR_USAGE, "%s is %s, expected %s", key, js_type_name(js_type(found)), wanted);
}

/* A string, or NULL when it is missing or null. */
static bool read_text(const struct js *line, const char *key, const char **value, struct err *e)
{
    const struct js *node = js_get(line, key);
    *value = js_text(node);
    return *value || js_is_null(node) || wrong_type(key, "a string", node, e);
}

static bool read_from(const struct js *line, usec_t *from, struct err *e)
{
    const char *text;
    if (!read_text(line, "from", &text, e))
        return false;
    *from = clock_now();
    return !text || clock_parse(text, from, e) || err_add(e, "from");
}

static bool read_count(const struct js *line, int64_t *count, struct err *e)
{
    const struct js *node = js_get(line, "count");
    *count = 1;
    if (!js_is_null(node) && !js_integer(node, count))
        return wrong_type("count", "a whole number", node, e);
    if (*count < 1 || *count > CRON_COUNT_MAX)
        return err_set(e, ERR_USAGE, "count is %" PRId64 ", allowed are 1-%d", *count, CRON_COUNT_MAX);
    return true;
}

static bool read_question(const struct js *line, struct question *q, struct err *e)
{
    if (js_type(line) != JS_OBJECT)
        return wrong_type("the line", "an object", line, e);
    if (!read_text(line, "expr", &q->expr, e))
        return false;
    if (!q->expr)
        return err_set(e, ERR_USAGE, "expr is missing");
    return read_text(line, "tz", &q->tz, e) && read_text(line, "seed", &q->seed, e) && read_from(line, &q->from, e) &&
           read_count(line, &q->count, e);
}

static void add_fires(const struct cron *c, usec_t from, int64_t count, struct text *out)
{
    char at[CLOCK_TEXT_MAX];
    text_putc(out, '[');
    for (int64_t i = 0; i < count && cron_next(c, from, &from); i++)
        text_printf(out, "%s\"%s\"", i ? "," : "", clock_format(from, at));
    text_puts(out, "]\n");
}

static bool answer_question(const char *line, size_t len, struct text *out, struct err *e)
{
    struct question q = {0};
    CLEANUP(js_freep) struct js *document = js_parse(line, len, e);
    if (!document || !read_question(document, &q, e))
        return false;
    CLEANUP(cron_freep) struct cron *c = cron_parse(q.expr, q.tz, q.seed, e);
    if (!c)
        return false;
    add_fires(c, q.from, q.count, out);
    return true;
}

static bool write_all(struct batch *b, struct err *e)
{
    size_t written = 0;
    while (written < b->answers.len) {
        ssize_t count = write(b->out, b->answers.data + written, b->answers.len - written);
        if (count < 0 && errno != EINTR)
            return err_errno(e, ERR_FAILED, errno, "write");
        written += count > 0 ? (size_t)count : 0;
    }
    text_reset(&b->answers);
    return true;
}

/* Blank lines are passed over. False only when an answer cannot be written. */
static bool answer_line(struct batch *b, const char *line, size_t len, bool cut, struct err *e)
{
    struct err why;
    while (len > 0 && strchr(" \t\r\v\f", line[len - 1]))
        len--;
    if (len == 0)
        return true;
    bool answered = cut ? err_set(&why, ERR_LIMIT, "the line is longer than %d bytes", LINE_MAX_BYTES)
                        : answer_question(line, len, &b->answers, &why);
    if (!answered) {
        text_puts(&b->answers, "{\"error\": ");
        text_json_string(&b->answers, why.text, strlen(why.text));
        text_puts(&b->answers, "}\n");
    }
    return b->answers.len < ANSWERS_MAX || write_all(b, e);
}

/* The end of the line that is being put together, if anything is there. */
static bool end_line(struct batch *b, struct err *e)
{
    bool good = answer_line(b, text_str(&b->line), b->line.len, b->line.cut, e);
    text_reset(&b->line);
    b->line.cut = false;
    return good;
}

/* Answer the lines that `bytes` complete, keep the rest. */
static bool take(struct batch *b, const char *bytes, size_t len, struct err *e)
{
    const char *end = bytes + len, *newline;
    while ((newline = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL) {
        size_t part = (size_t)(newline - bytes);
        if (b->line.len == 0) {
            if (!answer_line(b, bytes, part, false, e))
                return false;
        } else {
            text_add(&b->line, bytes, part);
            if (!end_line(b, e))
                return false;
        }
        bytes = newline + 1;
    }
    text_add(&b->line, bytes, (size_t)(end - bytes));
    return true;
}

static bool input_waits(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

static bool run(struct batch *b, struct err *e)
{
    char chunk[CHUNK];
    for (;;) {
        if (!input_waits(b->in) && !write_all(b, e))
            return false;
        ssize_t len = read(b->in, chunk, sizeof chunk);
        if (len < 0 && errno != EINTR)
            return err_errno(e, ERR_FAILED, errno, "read");
        if (len == 0)
            return end_line(b, e) && write_all(b, e);
        if (len > 0 && !take(b, chunk, (size_t)len, e))
            return false;
    }
}

bool cron_batch(int in, int out, struct err *e)
{
    struct batch b = {.in = in, .out = out, .line.max = LINE_MAX_BYTES};
    bool good = run(&b, e);
    text_free(&b.line);
    text_free(&b.answers);
    return good;
}
