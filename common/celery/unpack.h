#pragma once
/* Decompression of a message's body, by the content type kombu puts into headers.compression. */
#include "common/base/err.h"
#include "common/base/text.h"

/* Add what `packed` holds; `out->max` is the most it may be, beyond it the error is ERR_LIMIT. Bytes behind the end of the stream and
 * a stream without end are ERR_DATA, as is a type that is not served. */
bool unpack(struct text *out, const char *type, const char *packed, size_t len, struct err *e);
