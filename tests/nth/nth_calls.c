/* Preloaded into drumbeat: the call that the order names fails the nth time, once, with the errno a machine in trouble gives. What
 * programs called drumbeat start is left alone. */
#include "tests/nth/nth.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int errors[NTH_CALLS] = {
    [NTH_MALLOC] = ENOMEM, [NTH_WRITE] = ENOSPC, [NTH_FSYNC] = EIO,   [NTH_CONNECT] = ECONNREFUSED,
    [NTH_RENAME] = EIO,    [NTH_FORK] = EAGAIN,  [NTH_OPEN] = EMFILE, [NTH_SEND] = ECONNRESET,
};

static struct nth_order *order;

__attribute__((constructor)) static void find_order(void)
{
    const char *path = getenv("NTH_ORDER");
    long fd = path && strcmp(program_invocation_short_name, "drumbeat") == 0 ? syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED, (int)fd, 0);
    close((int)fd);
    order = map == MAP_FAILED ? NULL : map;
}

static bool fails(enum nth_call call)
{
    if (!order || atomic_load_explicit(&order->call, memory_order_relaxed) != (int)call)
        return false;
    if (atomic_fetch_add(&order->count, 1) + 1 != atomic_load(&order->nth))
        return false;
    atomic_store(&order->failed, 1);
    errno = errors[call];
    return true;
}

#ifndef NTH_WITHOUT_MALLOC
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size)
{
    return fails(NTH_MALLOC) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(NTH_MALLOC) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return fails(NTH_MALLOC) ? NULL : __libc_realloc(old, size);
}
#endif

/* A disk may be full; an eventfd is not on one. */
static bool is_file(int fd)
{
    struct stat info;
    return fd == STDOUT_FILENO || fd == STDERR_FILENO || (fstat(fd, &info) == 0 && S_ISREG(info.st_mode));
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    return order && is_file(fd) && fails(NTH_WRITE) ? -1 : syscall(SYS_write, fd, bytes, count);
}

int fsync(int fd)
{
    return fails(NTH_FSYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    return fails(NTH_CONNECT) ? -1 : (int)syscall(SYS_connect, fd, address, length);
}

int rename(const char *from, const char *to)
{
    return fails(NTH_RENAME) ? -1 : (int)syscall(SYS_rename, from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return fails(NTH_RENAME) ? -1 : (int)syscall(SYS_renameat, from_folder, from, to_folder, to);
}

pid_t fork(void)
{
    static pid_t (*real)(void);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fork");
    return fails(NTH_FORK) ? -1 : real();
}

static mode_t mode_of(int flags, va_list words)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(words, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list words;
    va_start(words, flags);
    mode_t mode = mode_of(flags, words);
    va_end(words);
    return fails(NTH_OPEN) ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    va_list words;
    va_start(words, flags);
    mode_t mode = mode_of(flags, words);
    va_end(words);
    return fails(NTH_OPEN) ? -1 : (int)syscall(SYS_openat, folder, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    static FILE *(*real)(const char *, const char *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fopen");
    return fails(NTH_OPEN) ? NULL : real(path, mode);
}

ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
    if (!fails(NTH_SEND))
        return syscall(SYS_sendto, fd, bytes, count, flags, NULL, 0);
    shutdown(fd, SHUT_RDWR); /* whoever is reset hears nothing either */
    errno = ECONNRESET;
    return -1;
}
