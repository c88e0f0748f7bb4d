#pragma once
/* Messages as Akvo Flow writes them, for tests: a byte 0, the number of the schema, the record in Avro's binary form. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct message {
    const char *identifier;
    int64_t survey; /* -1: null */
    double longitude, latitude;
    bool no_place; /* both null */
    int64_t created, updated;
};

struct wire {
    uint8_t bytes[512];
    size_t len;
};

static inline void wire_long(struct wire *w, int64_t value)
{
    uint64_t bits = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    for (; bits > 0x7f; bits >>= 7)
        w->bytes[w->len++] = (uint8_t)(bits | 0x80);
    w->bytes[w->len++] = (uint8_t)bits;
}

static inline void wire_text(struct wire *w, const char *text)
{
    wire_long(w, (int64_t)strlen(text));
    memcpy(w->bytes + w->len, text, strlen(text));
    w->len += strlen(text);
}

/* A double, or null, in a union of the two. */
static inline void wire_real(struct wire *w, bool null, double value)
{
    wire_long(w, null ? 0 : 1);
    if (null)
        return;
    memcpy(w->bytes + w->len, &value, sizeof value); /* as on the wire: the lowest byte first */
    w->len += sizeof value;
}

static inline struct wire wire_message(const struct message *m)
{
    struct wire w = {.bytes = {0, 0, 0, 0, 7}, .len = 5};
    wire_text(&w, m->identifier);
    wire_long(&w, m->survey < 0 ? 0 : 1);
    if (m->survey >= 0)
        wire_long(&w, m->survey);
    wire_real(&w, m->no_place, m->longitude);
    wire_real(&w, m->no_place, m->latitude);
    wire_long(&w, m->created);
    wire_long(&w, m->updated);
    return w;
}
