#pragma once
/* UUIDs: task ids and worker ids are version 7 (RFC 9562 section 5.7), so that they sort by time. */
#include <stdbool.h>
#include <stdint.h>

struct uuid {
    uint8_t bytes[16];
};

enum { UUID_TEXT_MAX = 37 };

struct uuid uuid_v7(void);
bool uuid_parse(const char *text, struct uuid *out); /* 8-4-4-4-12 hex digits, either case */
const char *uuid_format(struct uuid id, char out[static UUID_TEXT_MAX]);
bool uuid_equal(struct uuid a, struct uuid b);
bool uuid_is_zero(struct uuid id);
int64_t uuid_moment(struct uuid id); /* when a version 7 was made: microseconds since 1970, to the millisecond */
