/* base64: three bytes are four letters. */
#include "common/base/base64.h"

#include <stdint.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_write(struct text *out, const void *bytes, size_t len)
{
    const uint8_t *from = bytes;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) | (left > 2 ? from[i + 2] : 0);
        char four[] = {letters[group >> 18], letters[group >> 12 & 63], left > 1 ? letters[group >> 6 & 63] : '=',
                       left > 2 ? letters[group & 63] : '='};
        text_add(out, four, sizeof four);
    }
}

/* 0 to 63, or -1. */
static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_read(struct text *out, const char *s, size_t len, struct err *e)
{
    uint32_t group = 0;
    int have = 0, padding = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '\n' || s[i] == '\r')
            continue;
        int value = s[i] == '=' && have >= 2 ? 0 : value_of(s[i]);
        if (value < 0 || (padding > 0 && s[i] != '='))
            return err_set(e, ERR_DATA, "byte %zu is not base64", i + 1);
        padding += s[i] == '=';
        group = group << 6 | (uint32_t)value;
        if (++have == 4) {
            char three[] = {(char)(group >> 16), (char)(group >> 8), (char)group};
            text_add(out, three, sizeof three - (size_t)padding);
            group = 0;
            have = 0;
        }
    }
    return have == 0 || err_set(e, ERR_DATA, "base64 ends in the middle of a group");
}
