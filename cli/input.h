#pragma once
/* What a verb is given as a file. */
#include "common/base/err.h"
#include "common/base/text.h"

enum { INPUT_BYTES_MAX = 64 << 20 };

/* Add all of the file at `path`, "-" for standard input. ERR_USAGE when it cannot be read or is longer than
 * INPUT_BYTES_MAX. */
bool input_read(const char *path, struct text *out, struct err *e);
