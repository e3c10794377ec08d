/*
 * Stands between a process and the C library (LD_PRELOAD): counts the calls that change files below one folder, or
 * open files there, and lets one of them fail, or kills the process at it. What is to happen, and what happened, is
 * in a small file that is mapped by this process and read by its parent (control.mjs knows its layout).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
  OPEN_READ, OPEN_WRITE, OPEN_CREATE, WRITE, PWRITE, FTRUNCATE, FSYNC, FDATASYNC, SYNC_FILE_RANGE,
  RENAME, LINK, UNLINK, MKDIR, RMDIR, FLOCK, UNLOCK, OTHER, FSYNC_FOLDER,
};
enum action { NONE, KILL_BEFORE, KILL_AFTER, TORN, SHORT, FAIL };

struct entry {
  uint32_t kind;
  char name[60];
};

#define LOGGED 4096
struct control {
  uint32_t action, error, kinds, lasting;
  uint32_t point; /* the first call that may be hit, from 1 on */
  uint32_t count, fired, fired_at;
  struct entry first; /* the call that was hit first */
  struct entry log[LOGGED];
};

static struct control *control;
static const char *root;
static size_t root_len;

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("OPSLOG_FAULTS_CONTROL");
  root = getenv("OPSLOG_FAULTS_ROOT");
  if (path == NULL || root == NULL) return;
  root_len = strlen(root);
  int fd = (int)openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
  if (fd < 0) abort();
  void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) abort();
  close(fd);
  control = mapped;
}

#define REAL(name) ({ static __typeof__(&name) real; if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })

static const char *below_root(const char *path) {
  if (control == NULL || path == NULL || strncmp(path, root, root_len) != 0) return NULL;
  return path[root_len] == '/' ? path + root_len + 1 : NULL;
}

static const char *name_of(int fd, char *buffer) {
  if (control == NULL) return NULL;
  char link[40];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, buffer, PATH_MAX - 1);
  if (length <= 0) return NULL;
  buffer[length] = 0;
  return below_root(buffer);
}

/* A path that may be relative to an open folder. */
static const char *name_at(int folder, const char *path, char *buffer) {
  if (path[0] == '/') return below_root(path);
  if (folder == AT_FDCWD) {
    if (getcwd(buffer, PATH_MAX) == NULL) return NULL;
  } else if (name_of(folder, buffer) == NULL) {
    return NULL;
  }
  strncat(buffer, "/", PATH_MAX - strlen(buffer) - 1);
  strncat(buffer, path, PATH_MAX - strlen(buffer) - 1);
  return below_root(buffer);
}

static void note(struct entry *entry, enum kind kind, const char *name) {
  entry->kind = kind;
  size_t length = strlen(name);
  const char *end = length < sizeof entry->name ? name : name + length - sizeof entry->name + 1;
  strcpy(entry->name, end);
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* Counts a call. Returns what is to become of it. `size`: bytes to be written, if any. */
static enum action meet(enum kind kind, const char *name, size_t size) {
  if (name == NULL) return NONE;
  uint32_t at = __atomic_add_fetch(&control->count, 1, __ATOMIC_SEQ_CST);
  if (at <= LOGGED) note(&control->log[at - 1], kind, name);
  enum action action = control->action;
  if (action == NONE || at < control->point || !(control->kinds & (1u << kind))) return NONE;
  if ((action == TORN || action == SHORT) && size < 2) return NONE;
  uint32_t before = __atomic_fetch_add(&control->fired, 1, __ATOMIC_SEQ_CST);
  if (before > 0 && !control->lasting) return NONE;
  if (before == 0) {
    control->fired_at = at;
    note(&control->first, kind, name);
    /* A disk that fills takes what still fits. */
    if (action == FAIL && control->lasting && control->error == ENOSPC && size >= 2) return SHORT;
  }
  if (action == KILL_BEFORE) die();
  if (action == FAIL) errno = control->error;
  return action;
}

#define FAILING(kind, name, call)                        \
  enum action action = meet(kind, name, 0);              \
  if (action == FAIL) return -1;                         \
  __typeof__(call) result = call;                        \
  if (action == KILL_AFTER) die();                       \
  return result

static enum kind kind_of_open(int flags) {
  if (flags & (O_CREAT | O_TRUNC)) return OPEN_CREATE;
  return (flags & O_ACCMODE) == O_RDONLY ? OPEN_READ : OPEN_WRITE;
}

#define MODE(flags)                                      \
  mode_t mode = 0;                                       \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                 \
    va_list list;                                        \
    va_start(list, flags);                               \
    mode = va_arg(list, mode_t);                         \
    va_end(list);                                        \
  }

#define OPEN(name_)                                                                \
  int name_(const char *path, int flags, ...) {                                    \
    MODE(flags)                                                                    \
    char buffer[PATH_MAX];                                                         \
    FAILING(kind_of_open(flags), name_at(AT_FDCWD, path, buffer), REAL(name_)(path, flags, mode)); \
  }
#define OPENAT(name_)                                                              \
  int name_(int folder, const char *path, int flags, ...) {                        \
    MODE(flags)                                                                    \
    char buffer[PATH_MAX];                                                         \
    FAILING(kind_of_open(flags), name_at(folder, path, buffer), REAL(name_)(folder, path, flags, mode)); \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int creat(const char *path, mode_t mode) {
  char buffer[PATH_MAX];
  FAILING(OPEN_CREATE, name_at(AT_FDCWD, path, buffer), REAL(creat)(path, mode));
}

#define WRITING(kind, fd, size, all, half)                        \
  char buffer[PATH_MAX];                                          \
  enum action action = meet(kind, name_of(fd, buffer), size);     \
  if (action == FAIL) return -1;                                  \
  if (action == TORN || action == SHORT) {                        \
    ssize_t part = half;                                          \
    if (action == TORN) die();                                    \
    return part;                                                  \
  }                                                               \
  ssize_t written = all;                                          \
  if (action == KILL_AFTER) die();                                \
  return written

ssize_t write(int fd, const void *bytes, size_t size) {
  WRITING(WRITE, fd, size, REAL(write)(fd, bytes, size), REAL(write)(fd, bytes, size / 2));
}
#define PWRITE_LIKE(name_, offset_type)                                              \
  ssize_t name_(int fd, const void *bytes, size_t size, offset_type offset) {        \
    WRITING(PWRITE, fd, size, REAL(name_)(fd, bytes, size, offset), REAL(name_)(fd, bytes, size / 2, offset)); \
  }
PWRITE_LIKE(pwrite, off_t)
PWRITE_LIKE(pwrite64, off64_t)

static size_t size_of(const struct iovec *parts, int count) {
  size_t size = 0;
  for (int n = 0; n < count; n++) size += parts[n].iov_len;
  return size;
}

/* The first half of the bytes, as parts of their own. */
static int halve(const struct iovec *parts, int count, struct iovec *half) {
  size_t rest = size_of(parts, count) / 2;
  int used = 0;
  for (int n = 0; n < count && n < 64 && rest > 0; n++) {
    half[n] = parts[n];
    if (half[n].iov_len > rest) half[n].iov_len = rest;
    rest -= half[n].iov_len;
    used++;
  }
  return used;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  struct iovec first[64];
  int used = halve(parts, count, first);
  WRITING(WRITE, fd, size_of(parts, count), REAL(writev)(fd, parts, count), REAL(writev)(fd, first, used));
}
#define PWRITEV_LIKE(name_, offset_type)                                              \
  ssize_t name_(int fd, const struct iovec *parts, int count, offset_type offset) {   \
    struct iovec first[64];                                                           \
    int used = halve(parts, count, first);                                            \
    WRITING(PWRITE, fd, size_of(parts, count), REAL(name_)(fd, parts, count, offset), \
            REAL(name_)(fd, first, used, offset));                                    \
  }
PWRITEV_LIKE(pwritev, off_t)
PWRITEV_LIKE(pwritev64, off64_t)

static int is_folder(int fd) {
  struct stat found;
  return fstat(fd, &found) == 0 && S_ISDIR(found.st_mode);
}

#define ON_FILE(kind, name_, parameters, arguments)                \
  int name_ parameters {                                           \
    char buffer[PATH_MAX];                                         \
    FAILING(kind, name_of(fd, buffer), REAL(name_) arguments);     \
  }
ON_FILE(FTRUNCATE, ftruncate, (int fd, off_t length), (fd, length))
ON_FILE(FTRUNCATE, ftruncate64, (int fd, off64_t length), (fd, length))
ON_FILE(is_folder(fd) ? FSYNC_FOLDER : FSYNC, fsync, (int fd), (fd))
ON_FILE(FDATASYNC, fdatasync, (int fd), (fd))
ON_FILE(SYNC_FILE_RANGE, sync_file_range, (int fd, off64_t from, off64_t length, unsigned flags), (fd, from, length, flags))
ON_FILE(how & LOCK_UN ? UNLOCK : FLOCK, flock, (int fd, int how), (fd, how))
ON_FILE(OTHER, fallocate, (int fd, int mode, off_t from, off_t length), (fd, mode, from, length))
ON_FILE(OTHER, fallocate64, (int fd, int mode, off64_t from, off64_t length), (fd, mode, from, length))
ON_FILE(OTHER, fchmod, (int fd, mode_t mode), (fd, mode))

#define ON_PATH(kind, name_, parameters, folder, path, arguments)              \
  int name_ parameters {                                                       \
    char buffer[PATH_MAX];                                                     \
    FAILING(kind, name_at(folder, path, buffer), REAL(name_) arguments);       \
  }
ON_PATH(RENAME, rename, (const char *from, const char *to), AT_FDCWD, to, (from, to))
ON_PATH(RENAME, renameat, (int a, const char *from, int b, const char *to), b, to, (a, from, b, to))
ON_PATH(RENAME, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), b, to, (a, from, b, to, flags))
ON_PATH(LINK, link, (const char *from, const char *to), AT_FDCWD, to, (from, to))
ON_PATH(LINK, linkat, (int a, const char *from, int b, const char *to, int flags), b, to, (a, from, b, to, flags))
ON_PATH(LINK, symlink, (const char *from, const char *to), AT_FDCWD, to, (from, to))
ON_PATH(UNLINK, unlink, (const char *path), AT_FDCWD, path, (path))
ON_PATH(flags & AT_REMOVEDIR ? RMDIR : UNLINK, unlinkat, (int a, const char *path, int flags), a, path, (a, path, flags))
ON_PATH(RMDIR, rmdir, (const char *path), AT_FDCWD, path, (path))
ON_PATH(MKDIR, mkdir, (const char *path, mode_t mode), AT_FDCWD, path, (path, mode))
ON_PATH(MKDIR, mkdirat, (int a, const char *path, mode_t mode), a, path, (a, path, mode))
ON_PATH(OTHER, chmod, (const char *path, mode_t mode), AT_FDCWD, path, (path, mode))
ON_PATH(OTHER, truncate, (const char *path, off_t length), AT_FDCWD, path, (path, length))
ON_PATH(OTHER, truncate64, (const char *path, off64_t length), AT_FDCWD, path, (path, length))

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t size, unsigned flags) {
  char buffer[PATH_MAX];
  FAILING(OTHER, name_of(to, buffer), REAL(copy_file_range)(from, at, to, there, size, flags));
}
