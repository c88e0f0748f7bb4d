/* gzip: zlib in one call; its bound is exact, so the result always fits. */
#include "sandbox/gzip.h"

#include <assert.h>
#include <zlib.h>

enum { GZIP_WINDOW = 15 + 16 }; /* the largest window, and zlib's sign for the gzip format */

void gzip_text(struct text *t)
{
    z_stream z = {0};
    int done = deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);
    assert(done == Z_OK);
    struct text packed = {.room = deflateBound(&z, t->len) + 1, .max = t->max};
    packed.data = mem_alloc(packed.room);
    z.next_in = (unsigned char *)t->data;
    z.avail_in = (unsigned)t->len;
    z.next_out = (unsigned char *)packed.data;
    z.avail_out = (unsigned)packed.room;
    done = deflate(&z, Z_FINISH);
    assert(done == Z_STREAM_END);
    (void)done;
    packed.len = z.total_out;
    deflateEnd(&z);
    text_free(t);
    *t = packed;
}
