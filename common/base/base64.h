#pragma once
/* Base64 with padding (RFC 4648 section 4). */
#include "common/base/err.h"
#include "common/base/text.h"

void base64_write(struct text *out, const void *bytes, size_t len);

/* Add the bytes that `s` stands for. Line ends between groups are allowed, anything else that is not of the alphabet is ERR_DATA. */
bool base64_read(struct text *out, const char *s, size_t len, struct err *e);
