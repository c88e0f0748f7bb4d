#pragma once
/* Compression of a body (RFC 1952). */
#include "common/base/text.h"

/* Replace the text by its gzip form. */
void gzip_text(struct text *t);
