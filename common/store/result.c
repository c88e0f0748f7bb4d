/* result: names, then writing, reading and pruning. A file is written under another name first, so that one under its own is whole. */
#include "common/store/result.h"

#include "common/base/json.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOUR_TEXT = 13, NAME_TEXT_MAX = 80, PATH_TEXT_MAX = HOUR_TEXT + 1 + NAME_TEXT_MAX };

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* Names ------------------------------------------------------------------------------------------------------------- */

/* "2026-11-28T14" */
static void hour_name(usec_t at, char out[static HOUR_TEXT + 1])
{
    char moment[CLOCK_TEXT_MAX];
    clock_format(at, moment);
    memcpy(out, moment, HOUR_TEXT);
    out[HOUR_TEXT] = '\0';
}

static bool is_hour_name(const char *name)
{
    static const char shape[] = "dddd-dd-ddTdd";
    for (size_t i = 0; i < HOUR_TEXT; i++)
        if (shape[i] == 'd' ? !isdigit((unsigned char)name[i]) : name[i] != shape[i])
            return false;
    return true;
}

static void file_name(struct uuid task, int64_t fence, char out[static NAME_TEXT_MAX])
{
    char id[UUID_TEXT_MAX];
    snprintf(out, NAME_TEXT_MAX, "%s-%" PRId64 ".json", uuid_format(task, id), fence);
}

/* Of this task, whatever the fence. */
static bool is_file_name(const char *name, struct uuid task)
{
    char id[UUID_TEXT_MAX];
    size_t prefix = strlen(uuid_format(task, id));
    if (strncmp(name, id, prefix) != 0 || name[prefix] != '-')
        return false;
    size_t digits = strspn(name + prefix + 1, "0123456789");
    return digits >= 1 && digits <= 19 && strcmp(name + prefix + 1 + digits, ".json") == 0;
}

/* The two members of a reference; false when it is none of this task's. */
static bool read_reference(const struct js *result, struct uuid task, const char **path, int64_t *bytes)
{
    *path = js_text(js_get(result, "file"));
    return js_type(result) == JS_OBJECT && js_count(result) == 2 && *path && js_integer(js_get(result, "bytes"), bytes) && *bytes >= 0 &&
           strlen(*path) < PATH_TEXT_MAX && is_hour_name(*path) && (*path)[HOUR_TEXT] == '/' && is_file_name(*path + HOUR_TEXT + 1, task);
}

bool result_is_file(const char *result, struct uuid task)
{
    struct err ignored;
    struct js *document CLEANUP(js_freep) = js_parse(result, strlen(result), &ignored);
    const char *path;
    int64_t bytes;
    return document && read_reference(document, task, &path, &bytes);
}

/* Writing ----------------------------------------------------------------------------------------------------------- */

static bool open_root(const char *root, int *fd, struct err *e)
{
    *fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *fd >= 0 || err_errno(e, ERR_TRANSIENT, errno, "results.root %s", root);
}

/* The folder of an hour, which may have to be made; whoever may read its files may enter it. */
static bool open_hour(int root, const char *hour, unsigned mode, int *fd, struct err *e)
{
    mode_t wanted = mode | 0100 | (mode & 0044) >> 2;
    bool made = mkdirat(root, hour, 0700) == 0;
    struct stat top;
    *fd = openat(root, hour, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0)
        return err_errno(e, ERR_TRANSIENT, errno, "folder %s of results.root", hour);
    if (!made)
        return true;
    /* A group that may not be given is the worker's own then. */
    int given = fstat(root, &top) == 0 ? fchown(*fd, (uid_t)-1, top.st_gid) : 0;
    (void)given;
    return (fchmod(*fd, wanted) == 0 && fsync(root) == 0) || err_errno(e, ERR_TRANSIENT, errno, "folder %s of results.root", hour);
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = write(fd, bytes, len);
        if (sent < 0 && errno != EINTR)
            return false;
        bytes += sent > 0 ? sent : 0;
        len -= sent > 0 ? (size_t)sent : 0;
    }
    return true;
}

static bool fill(int folder, int fd, unsigned mode, const char *json)
{
    struct stat top;
    int given = fstat(folder, &top) == 0 ? fchown(fd, (uid_t)-1, top.st_gid) : 0;
    (void)given;
    return fchmod(fd, (mode_t)mode) == 0 && write_all(fd, json, strlen(json)) && fsync(fd) == 0;
}

static bool write_file(int folder, const char *name, unsigned mode, const char *json, struct err *e)
{
    char draft[NAME_TEXT_MAX + 8];
    snprintf(draft, sizeof draft, ".%s.new", name);
    int fd CLEANUP(close_fd) = openat(folder, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, ERR_TRANSIENT, errno, "result file %s", name);
    if (fill(folder, fd, mode, json) && renameat(folder, draft, folder, name) == 0 && fsync(folder) == 0)
        return true;
    err_errno(e, ERR_TRANSIENT, errno, "result file %s", name);
    unlinkat(folder, draft, 0);
    return false;
}

bool result_put(const struct result_place *place, struct uuid task, int64_t fence, const char *json, struct text *reference, struct err *e)
{
    char hour[HOUR_TEXT + 1], name[NAME_TEXT_MAX];
    int root CLEANUP(close_fd) = -1, folder CLEANUP(close_fd) = -1;
    hour_name(clock_now() + place->keep, hour);
    file_name(task, fence, name);
    if (!open_root(place->root, &root, e) || !open_hour(root, hour, place->mode, &folder, e) || !write_file(folder, name, place->mode, json, e))
        return false;
    text_printf(reference, "{\"file\": \"%s/%s\", \"bytes\": %zu}", hour, name, strlen(json));
    return true;
}

/* Reading ----------------------------------------------------------------------------------------------------------- */

static bool open_result(const char *root, const char *path, int *fd, struct err *e)
{
    char hour[HOUR_TEXT + 1];
    int top CLEANUP(close_fd) = -1;
    snprintf(hour, sizeof hour, "%s", path);
    if (!open_root(root, &top, e))
        return false;
    int folder CLEANUP(close_fd) = openat(top, hour, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    *fd = folder < 0 ? -1 : openat(folder, path + HOUR_TEXT + 1, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 && errno == ENOENT)
        return err_set(e, ERR_NOT_FOUND, "the result's file %s is gone: it was kept until then", path);
    return *fd >= 0 || err_errno(e, ERR_FAILED, errno, "result file %s", path);
}

static bool read_file(int fd, const char *path, int64_t bytes, struct text *json, struct err *e)
{
    struct stat about;
    char part[64 * 1024];
    ssize_t got;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size != bytes)
        return err_set(e, ERR_FAILED, "result file %s is not the one that was written", path);
    while ((got = read(fd, part, sizeof part)) > 0)
        text_add(json, part, (size_t)got);
    return got == 0 || err_errno(e, ERR_FAILED, errno, "result file %s", path);
}

bool result_get(const char *root, struct uuid task, const char *reference, struct text *json, struct err *e)
{
    struct js *document CLEANUP(js_freep) = js_parse(reference, strlen(reference), e);
    const char *path;
    int64_t bytes;
    if (!document || !read_reference(document, task, &path, &bytes))
        return err_set(e, ERR_DATA, "the result is no reference to a file");
    int fd CLEANUP(close_fd) = -1;
    return open_result(root, path, &fd, e) && read_file(fd, path, bytes, json, e);
}

/* Pruning ----------------------------------------------------------------------------------------------------------- */

/* True: the folder is empty now. Others may prune it too. */
static bool empty_folder(int root, const char *hour, size_t most, size_t *removed)
{
    int fd = openat(root, hour, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry = NULL;
    if (!folder) {
        close_fd(&fd);
        return false;
    }
    while (*removed < most && (entry = readdir(folder)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            *removed += unlinkat(dirfd(folder), entry->d_name, 0) == 0;
    closedir(folder);
    return !entry;
}

bool result_prune(const char *root, usec_t now, size_t most, size_t *removed, struct err *e)
{
    char hour[HOUR_TEXT + 1];
    int fd = -1;
    *removed = 0;
    hour_name(now, hour);
    if (!open_root(root, &fd, e))
        return false;
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close_fd(&fd);
        return err_errno(e, ERR_FAILED, errno, "results.root %s", root);
    }
    const struct dirent *entry;
    while (*removed < most && (entry = readdir(folder))) {
        bool over = strlen(entry->d_name) == HOUR_TEXT && is_hour_name(entry->d_name) && strcmp(entry->d_name, hour) < 0;
        if (over && empty_folder(dirfd(folder), entry->d_name, most, removed))
            unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
    }
    closedir(folder);
    return true;
}
