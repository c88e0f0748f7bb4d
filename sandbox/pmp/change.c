/* change: one walk over the members, and a note of which changes were used. */
#include "sandbox/pmp/change.h"

#include "sandbox/write.h"
#include <assert.h>
#include <string.h>

struct walk {
    const struct change *changes;
    size_t count;
    bool used[CHANGES_MAX];
    struct text *out;
};

static void write_json(struct text *out, const char *key, const char *json)
{
    if (out->data[out->len - 1] != '{')
        text_putc(out, ',');
    text_json_string(out, key, strlen(key));
    text_putc(out, ':');
    text_puts(out, json);
}

static bool write_member(void *data, const char *key, const struct js *value)
{
    struct walk *w = data;
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->changes[i].key, key) != 0)
            continue;
        w->used[i] = true;
        write_json(w->out, key, w->changes[i].json);
        return true;
    }
    write_node(w->out, key, value);
    return true;
}

void change_write(const struct js *object, const struct change *changes, size_t count, struct text *out)
{
    struct walk w = {.changes = changes, .count = count, .out = out};
    assert(count <= CHANGES_MAX);
    write_open(out, NULL, '{');
    js_each(object, write_member, &w);
    for (size_t i = 0; i < count; i++)
        if (!w.used[i])
            write_json(out, changes[i].key, changes[i].json);
    write_close(out, '}');
}
