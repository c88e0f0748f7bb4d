#pragma once
/* Answers as they were saved from a real server, found by how their files' names end: in the folder of an upstream below `data`, else in `data` itself. */
#include "common/base/text.h"

/* Is there any? False when `data` is NULL. */
bool saved_any(const char *data, const char *folder, const char *ending);

/* The whole of the n-th, round and round. */
bool saved_read(const char *data, const char *folder, const char *ending, int n, struct text *out);
