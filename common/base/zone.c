/* zone: the zones this process has read, and the questions put to them. Which names are zones is decided in
 * zone_name.c, what a file means in zone_tzif.c. */
#include "common/base/zone.h"
#include "common/base/text.h"
#include "common/base/zone_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUCKETS = 256, PATH_LENGTH_MAX = 512 };

/* A zone stays here, used or not, until its file changes: a few kilobytes each, and files are finite. */
static struct zone *cache[BUCKETS];
static pthread_mutex_t cache_lock = PTHREAD_MUTEX_INITIALIZER;

static void fd_close(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static void remember_file(struct zone *z, const struct stat *file)
{
    z->device = file->st_dev;
    z->inode = file->st_ino;
    z->size = file->st_size;
    z->changed = file->st_mtim;
}

static bool same_file(const struct zone *z, const struct stat *file)
{
    return z->device == file->st_dev && z->inode == file->st_ino && z->size == file->st_size &&
           z->changed.tv_sec == file->st_mtim.tv_sec && z->changed.tv_nsec == file->st_mtim.tv_nsec;
}

static bool path_of(const char *name, char path[static PATH_LENGTH_MAX])
{
    return snprintf(path, PATH_LENGTH_MAX, "%s/%s", zone_folder(), name) < PATH_LENGTH_MAX;
}

/* Read the zone's file from `fd`; files in the folder that are no zones (zone.tab) are unknown zones. */
static struct zone *read_file(int fd, const char *name, struct err *e)
{
    struct stat file;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || file.st_size > ZONE_FILE_MAX)
        return zone_unknown(name, e), NULL;
    char *bytes = mem_alloc(ZONE_FILE_MAX);
    ssize_t len = read(fd, bytes, ZONE_FILE_MAX);
    struct zone *z = NULL;
    if (len < 0)
        err_errno(e, ERR_FAILED, errno, "time zone '%s': read", name);
    else if (len < 4 || memcmp(bytes, "TZif", 4) != 0)
        zone_unknown(name, e);
    else
        z = zone_read(name, bytes, (size_t)len, e);
    free(bytes);
    if (z)
        remember_file(z, &file);
    return z;
}

static struct zone *load(const char *name, struct err *e)
{
    char path[PATH_LENGTH_MAX];
    const char *refused = zone_why_refused(name);
    if (refused) {
        err_set(e, ERR_USAGE, "time zone '%s' is not accepted: %s", name, refused);
        return NULL;
    }
    if (!zone_is_name(name) || !path_of(name, path))
        return zone_unknown(name, e), NULL;
    CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR) {
        err_errno(e, ERR_FAILED, errno, "time zone '%s': open %s", name, path);
        return NULL;
    }
    return fd < 0 ? (zone_unknown(name, e), NULL) : read_file(fd, name, e);
}

static struct zone **bucket_of(const char *name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    return &cache[hash % BUCKETS];
}

static struct zone *find_or_load(const char *name, struct err *e)
{
    struct zone **bucket = bucket_of(name), *z = *bucket;
    while (z && strcmp(z->name, name) != 0)
        z = z->next;
    if (z) {
        z->users++;
        return z;
    }
    z = load(name, e);
    if (z) {
        z->cached = true;
        z->next = *bucket;
        *bucket = z;
    }
    return z;
}

/* UTC needs no file. */
static struct zone *zone_utc(void)
{
    struct zone *z = mem_zero(1, sizeof *z + sizeof z->segments[0]);
    memcpy(z->name, "UTC", sizeof "UTC");
    z->users = 1;
    z->count = 1;
    z->segments[0].start = INT64_MIN;
    return z;
}

static struct zone *open_utc(void)
{
    static struct zone *utc;
    if (!utc)
        utc = zone_utc();
    utc->users++;
    return utc;
}

struct zone *zone_open(const char *name, struct err *e)
{
    pthread_mutex_lock(&cache_lock);
    struct zone *z = name ? find_or_load(name, e) : open_utc();
    pthread_mutex_unlock(&cache_lock);
    return z;
}

void zone_close(struct zone *z)
{
    if (!z)
        return;
    pthread_mutex_lock(&cache_lock);
    if (z->users > 0)
        z->users--;
    bool last = z->users == 0 && !z->cached;
    pthread_mutex_unlock(&cache_lock);
    if (last)
        free(z);
}

static bool file_changed(const struct zone *z)
{
    char path[PATH_LENGTH_MAX];
    struct stat file;
    return path_of(z->name, path) && stat(path, &file) == 0 && !same_file(z, &file);
}

/* Take the zone out of the cache; whoever uses it keeps it until they close it. */
static void forget(struct zone **link)
{
    struct zone *z = *link;
    *link = z->next;
    z->cached = false;
    if (z->users == 0)
        free(z);
}

bool zones_changed(void)
{
    bool changed = false;
    pthread_mutex_lock(&cache_lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (struct zone **link = &cache[i]; *link;) {
            if (file_changed(*link)) {
                forget(link);
                changed = true;
            } else {
                link = &(*link)->next;
            }
        }
    pthread_mutex_unlock(&cache_lock);
    return changed;
}

const char *zones_version(char out[static ZONE_VERSION_MAX])
{
    char path[PATH_LENGTH_MAX], line[64] = "";
    snprintf(out, ZONE_VERSION_MAX, "unknown");
    FILE *file = path_of("tzdata.zi", path) ? fopen(path, "re") : NULL;
    if (!file)
        return out;
    if (fgets(line, sizeof line, file))
        sscanf(line, "# version %31[A-Za-z0-9.-]", out);
    fclose(file);
    return out;
}

const char *zone_name(const struct zone *z)
{
    return z->name;
}

/* The last segment that starts at or before `at`. */
static size_t segment_at(const struct zone *z, int64_t at)
{
    size_t low = 0, high = z->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (z->segments[middle].start <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct zone_span zone_span(const struct zone *z, int64_t at)
{
    size_t i = segment_at(z, at);
    return (struct zone_span){
        .start = z->segments[i].start,
        .end = i + 1 < z->count ? z->segments[i + 1].start : INT64_MAX,
        .offset = z->segments[i].offset,
    };
}

int64_t zone_reached(const struct zone *z, int64_t at)
{
    size_t i = segment_at(z, at);
    const struct zone_segment *s = &z->segments[i];
    int64_t reading = at + s->offset;
    if (i == 0)
        return reading;
    int64_t before = s->start + s->shown - 1;
    return before > reading ? before : reading;
}

int64_t zone_first(const struct zone *z, int64_t reading)
{
    size_t low = 0, high = z->count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (z->segments[middle].start + z->segments[middle].shown <= reading)
            low = middle;
        else
            high = middle;
    }
    int64_t at = reading - z->segments[low].offset;
    return low > 0 && at < z->segments[low].start ? z->segments[low].start : at;
}
