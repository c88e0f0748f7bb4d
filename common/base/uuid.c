/* uuid: made, read and written. */
#include "common/base/uuid.h"
#include "common/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

struct uuid uuid_v7(void)
{
    struct uuid id;
    uint64_t ms = (uint64_t)(clock_now() / 1000);
    for (size_t filled = 0; filled < sizeof id.bytes;) {
        ssize_t got = getrandom(id.bytes + filled, sizeof id.bytes - filled, 0);
        if (got > 0)
            filled += (size_t)got;
    }
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    id.bytes[6] = (uint8_t)(0x70 | (id.bytes[6] & 0x0F));
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3F));
    return id;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool uuid_parse(const char *text, struct uuid *out)
{
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
            return false;
        int high = hex_value(text[0]);
        int low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0)
            return false;
        out->bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return *text == '\0';
}

const char *uuid_format(struct uuid id, char out[static UUID_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[id.bytes[i] >> 4];
        *p++ = digits[id.bytes[i] & 15];
    }
    *p = '\0';
    return out;
}

bool uuid_equal(struct uuid a, struct uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

bool uuid_is_zero(struct uuid id)
{
    return uuid_equal(id, (struct uuid){{0}});
}

int64_t uuid_moment(struct uuid id)
{
    int64_t milliseconds = 0;
    for (int i = 0; i < 6; i++)
        milliseconds = milliseconds << 8 | id.bytes[i];
    return milliseconds * 1000;
}
