/* image_cache.c - see image_cache.h. The age of a file is that of its bytes; which was asked for
 * last is known in memory only, so a restart begins with their age. After a reload two processes
 * share the folder for a while: each takes a file that is gone for one that never was. */
#include "protocols/images/image_cache.h"

#include "core/base/map.h"
#include "core/base/str.h"
#include "core/log/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FAILURE_BYTES = 512, STALE_PART_S = 3600, SAY_EVERY_MS = 60000 };

#define PART "part."

struct entry {
    char name[IMAGE_NAME + 1];
    unsigned status; /* 0: a file */
    uint64_t size;
    int64_t made; /* wall clock */
    struct entry *newer, *older;
};

struct image_cache {
    struct image_cache_conf conf;
    int folder;
    struct map *entries;
    struct entry *newest, *oldest; /* by their last use */
    uint64_t parts, said_ms;
    struct image_cache_stats stats;
};

/* ---- the list ---- */

static void list_remove(struct image_cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void list_push(struct image_cache *c, struct entry *e)
{
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void entry_drop(struct image_cache *c, struct entry *e)
{
    if (e->status == 0)
        (void)unlinkat(c->folder, e->name, 0);
    list_remove(c, e);
    map_remove(c->entries, str_from(e->name));
    c->stats.bytes -= e->size;
    free(e);
}

static void make_room(struct image_cache *c, uint64_t size)
{
    while (c->oldest && c->stats.bytes + size > c->conf.size) {
        entry_drop(c, c->oldest);
        c->stats.evicted++;
    }
}

static void entry_add(struct image_cache *c, const struct entry *as)
{
    struct entry *e = map_get(c->entries, str_from(as->name));

    if (!e) {
        e = malloc(sizeof *e);
        FCT_ASSERT(e);
        map_put(c->entries, str_from(as->name), e);
    } else {
        if (e->status == 0 && as->status != 0)
            (void)unlinkat(c->folder, e->name, 0);
        list_remove(c, e);
        c->stats.bytes -= e->size;
    }
    *e = *as;
    list_push(c, e);
    c->stats.bytes += e->size;
}

/* ---- the folder ---- */

static bool is_name(const char *s)
{
    return strlen(s) == IMAGE_NAME && strspn(s, "0123456789abcdef") == IMAGE_NAME;
}

/* What a process that died left half written; a living one may be at it still. */
static void sweep_part(const struct image_cache *c, const char *name, const struct stat *st)
{
    if (str_starts(str_from(name), FCT_STR(PART)) && st->st_mtime < clock_wall() - STALE_PART_S)
        (void)unlinkat(c->folder, name, 0);
}

static int compare_age(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return (x->made > y->made) - (x->made < y->made);
}

struct found {
    struct entry *entry;
    size_t n, room;
};

static void find_file(const struct image_cache *c, const char *name, struct found *found)
{
    struct stat st;

    if (fstatat(c->folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return;
    if (!is_name(name)) {
        sweep_part(c, name, &st);
        return;
    }
    if (found->n == found->room) {
        found->room = found->room ? 2 * found->room : 256;
        found->entry = realloc(found->entry, found->room * sizeof *found->entry);
        FCT_ASSERT(found->entry);
    }
    found->entry[found->n] = (struct entry){.size = (uint64_t)st.st_size, .made = st.st_mtime};
    memcpy(found->entry[found->n++].name, name, IMAGE_NAME + 1);
}

static bool scan(struct image_cache *c, struct fct_err *err)
{
    struct found found = {0};
    int fd = openat(c->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir)
        return fct_fail(err, FCT_TEMP, "images.cache: read %s: %s", c->conf.folder,
                        strerror(errno));
    for (const struct dirent *d; (d = readdir(dir));)
        find_file(c, d->d_name, &found);
    closedir(dir);
    if (found.n > 0)
        qsort(found.entry, found.n, sizeof *found.entry, compare_age);
    for (size_t i = 0; i < found.n; i++)
        entry_add(c, &found.entry[i]);
    free(found.entry);
    return true;
}

bool image_cache_open(const struct image_cache_conf *conf, struct image_cache **out,
                      struct fct_err *err)
{
    struct image_cache *c = calloc(1, sizeof *c);

    FCT_ASSERT(c);
    *out = c;
    c->conf = *conf;
    c->entries = map_new();
    c->folder = open(conf->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->folder < 0)
        fct_fail(err, FCT_TEMP, "images.cache: open %s: %s", conf->folder, strerror(errno));
    if (c->folder >= 0 && scan(c, err))
        return true;
    image_cache_free(out);
    return false;
}

void image_cache_free(struct image_cache **cache)
{
    struct image_cache *c = *cache;

    if (!c)
        return;
    *cache = NULL;
    for (struct entry *e = c->oldest, *next; e; e = next) {
        next = e->newer;
        free(e);
    }
    map_free(&c->entries);
    if (c->folder >= 0)
        close(c->folder);
    free(c);
}

/* ---- asking ---- */

void image_cache_name(struct fct_str url, char name[IMAGE_NAME + 1])
{
    unsigned char digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)url.p, url.n, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        (void)snprintf(name + 2 * i, 3, "%02x", digest[i]);
}

static bool is_over(const struct image_cache *c, const struct entry *e)
{
    int64_t age = clock_wall() - e->made;

    return age < 0 || (uint64_t)age >= (e->status == 0 ? c->conf.keep_s : c->conf.keep_failure_s);
}

enum image_kept image_cache_find(struct image_cache *c, const char *name, unsigned *status)
{
    struct entry *e = map_get(c->entries, str_from(name));

    if (e && is_over(c, e)) {
        entry_drop(c, e);
        e = NULL;
    }
    if (!e)
        return IMAGE_UNKNOWN;
    list_remove(c, e);
    list_push(c, e);
    *status = e->status;
    return e->status == 0 ? IMAGE_KEPT : IMAGE_FAILED_BEFORE;
}

/* ---- files, on a thread: a disk may be slow ---- */

struct file_work {
    int folder;
    const char *name;
    char part[40];
    char *bytes;
    size_t n;
    uint64_t max;
    bool done;
    int error;
};

static bool read_all(int fd, char *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(fd, to + at, n - at);

        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static void read_file(void *arg)
{
    struct file_work *w = arg;
    int fd = openat(w->folder, w->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && st.st_size > 0 && (uint64_t)st.st_size <= w->max) {
        w->n = (size_t)st.st_size;
        w->bytes = malloc(w->n);
        w->done = w->bytes && read_all(fd, w->bytes, w->n);
    }
    close(fd);
}

bool image_cache_read(struct image_cache *c, const char *name, char **bytes, size_t *n)
{
    struct file_work w = {.folder = c->folder, .name = name, .max = c->conf.max_file};

    offload(read_file, &w);
    if (w.done) {
        *bytes = w.bytes;
        *n = w.n;
        return true;
    }
    free(w.bytes);
    image_cache_drop(c, name);
    return false;
}

static bool write_all(int fd, const char *p, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t put = write(fd, p + at, n - at);

        if (put <= 0)
            return false;
        at += (size_t)put;
    }
    return true;
}

static void write_file(void *arg)
{
    struct file_work *w = arg;
    int fd = openat(w->folder, w->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    w->done = fd >= 0 && write_all(fd, w->bytes, w->n);
    w->error = errno;
    if (fd >= 0)
        close(fd);
    if (w->done && renameat(w->folder, w->part, w->folder, w->name) == 0)
        return;
    if (w->done)
        w->error = errno;
    w->done = false;
    (void)unlinkat(w->folder, w->part, 0);
}

static void say_failed(struct image_cache *c, int error)
{
    c->stats.write_errors++;
    if (c->said_ms && clock_ms() - c->said_ms < SAY_EVERY_MS)
        return;
    c->said_ms = clock_ms();
    log_event(EV_WARNING, FCT_STR(""), F_C("text", "images.cache cannot be written"),
              F_C("why", strerror(error)));
}

void image_cache_put(struct image_cache *c, const char *name, struct fct_str bytes)
{
    struct file_work w = {
        .folder = c->folder, .name = name, .bytes = (char *)(uintptr_t)bytes.p, .n = bytes.n};
    struct entry e = {.size = bytes.n, .made = clock_wall()};

    if (bytes.n > c->conf.size || c->conf.keep_s == 0)
        return;
    make_room(c, bytes.n);
    (void)snprintf(w.part, sizeof w.part, PART "%ld.%llu", (long)getpid(),
                   (unsigned long long)c->parts++);
    offload(write_file, &w);
    if (!w.done) {
        say_failed(c, w.error);
        return;
    }
    memcpy(e.name, name, sizeof e.name);
    entry_add(c, &e);
}

void image_cache_put_failure(struct image_cache *c, const char *name, unsigned status)
{
    struct entry e = {.size = FAILURE_BYTES, .made = clock_wall(), .status = status};

    if (c->conf.keep_failure_s == 0)
        return;
    memcpy(e.name, name, sizeof e.name);
    make_room(c, e.size);
    entry_add(c, &e);
}

void image_cache_drop(struct image_cache *c, const char *name)
{
    struct entry *e = map_get(c->entries, str_from(name));

    if (e)
        entry_drop(c, e);
}

struct image_cache_stats image_cache_stats(const struct image_cache *c)
{
    struct image_cache_stats stats = c->stats;

    stats.entries = map_count(c->entries);
    return stats;
}
