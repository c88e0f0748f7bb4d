#pragma once
/* Sizes in bytes as people write them: 512MiB, 1GiB, 2MB, 65536. */
#include "common/base/err.h"
#include <stdint.h>

enum { SIZE_TEXT_MAX = 32 };

/* A whole number and an optional unit: B, KiB MiB GiB TiB (powers of 1024), kB MB GB TB (powers of 1000). */
bool size_parse(const char *text, int64_t *bytes, struct err *e);

/* The shortest exact text with a power of 1024: "512MiB", "1000" when no unit divides it. Returns `out`. */
const char *size_format(int64_t bytes, char out[static SIZE_TEXT_MAX]);
