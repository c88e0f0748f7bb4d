/* unpack: each library turns one stream into the next piece of output; a row a content type. Another type is a row and a reader. */
#include "common/celery/unpack.h"

#define ZLIB_CONST
#include <bzlib.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>

enum { PIECE = 16384, XZ_MEMORY_MAX = 64 << 20 };

/* Put a piece into the text; false when that is more than it may hold. */
static bool take(struct text *out, const char *piece, size_t len, struct err *e)
{
    text_add(out, piece, len);
    return !out->cut || err_set(e, ERR_LIMIT, "the body is more than %zu bytes when it is unpacked", out->max);
}

static bool damaged(const char *what, struct err *e)
{
    return err_set(e, ERR_DATA, "the body is not a whole %s stream", what);
}

static bool unpack_zlib(struct text *out, const char *packed, size_t len, struct err *e)
{
    char piece[PIECE];
    z_stream z = {.next_in = (const unsigned char *)packed, .avail_in = (unsigned)len};
    int state = inflateInit(&z);
    bool good = state == Z_OK;
    while (good && state == Z_OK) {
        z.next_out = (unsigned char *)piece;
        z.avail_out = sizeof piece;
        state = inflate(&z, Z_NO_FLUSH);
        good = (state == Z_OK || state == Z_STREAM_END || damaged("zlib", e)) && take(out, piece, sizeof piece - z.avail_out, e);
    }
    good = good && (z.avail_in == 0 || damaged("zlib", e));
    inflateEnd(&z);
    return good;
}

static bool unpack_bzip2(struct text *out, const char *packed, size_t len, struct err *e)
{
    char piece[PIECE];
    union {
        const char *ours;
        char *theirs; /* only read */
    } in = {.ours = packed};
    bz_stream z = {.next_in = in.theirs, .avail_in = (unsigned)len};
    int state = BZ2_bzDecompressInit(&z, 0, 0);
    bool good = state == BZ_OK;
    while (good && state == BZ_OK) {
        z.next_out = piece;
        z.avail_out = sizeof piece;
        state = BZ2_bzDecompress(&z);
        bool stuck = state == BZ_OK && z.avail_in == 0 && z.avail_out == sizeof piece;
        good = ((state == BZ_OK && !stuck) || state == BZ_STREAM_END || damaged("bzip2", e)) &&
               take(out, piece, sizeof piece - z.avail_out, e);
    }
    good = good && (z.avail_in == 0 || damaged("bzip2", e));
    BZ2_bzDecompressEnd(&z);
    return good;
}

static bool unpack_xz(struct text *out, const char *packed, size_t len, struct err *e)
{
    char piece[PIECE];
    lzma_stream z = LZMA_STREAM_INIT;
    z.next_in = (const uint8_t *)packed;
    z.avail_in = len;
    lzma_ret state = lzma_auto_decoder(&z, XZ_MEMORY_MAX, 0);
    bool good = state == LZMA_OK;
    while (good && state == LZMA_OK) {
        z.next_out = (uint8_t *)piece;
        z.avail_out = sizeof piece;
        state = lzma_code(&z, LZMA_FINISH);
        good = (state == LZMA_OK || state == LZMA_STREAM_END || damaged("xz", e)) && take(out, piece, sizeof piece - z.avail_out, e);
    }
    good = good && (z.avail_in == 0 || damaged("xz", e));
    lzma_end(&z);
    return good;
}

static const struct packing {
    const char *type;
    bool (*unpack)(struct text *out, const char *packed, size_t len, struct err *e);
} packings[] = {
    {"application/x-gzip", unpack_zlib}, /* its name says gzip, its bytes are zlib's */
    {"application/x-bz2", unpack_bzip2},
    {"application/x-lzma", unpack_xz},
};

bool unpack(struct text *out, const char *type, const char *packed, size_t len, struct err *e)
{
    for (size_t i = 0; i < sizeof packings / sizeof *packings; i++) {
        if (strcmp(packings[i].type, type) == 0)
            return packings[i].unpack(out, packed, len, e);
    }
    return err_set(e, ERR_DATA, "compression '%.60s' is not served: gzip, bzip2 and xz are", type);
}
