/* segment_files.c - a small cache of open descriptors. A descriptor in use stays open even when its
 * file was removed. */
#include "store/driver_local/segment_files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define SEGMENT_FILES_OPEN 64

struct open_segment {
    uint32_t segment; /* 0: free */
    int fd;
    unsigned users;
    uint64_t used;
    bool removed;
};

struct segment_files {
    pthread_mutex_t lock;
    char *dir;
    uint64_t clock;
    struct open_segment file[SEGMENT_FILES_OPEN];
};

struct segment_files *segment_files_new(const char *dir)
{
    struct segment_files *f = calloc(1, sizeof *f);

    FCT_ASSERT(f);
    pthread_mutex_init(&f->lock, NULL);
    f->dir = strdup(dir);
    FCT_ASSERT(f->dir);
    return f;
}

void segment_files_free(struct segment_files **p)
{
    struct segment_files *f = *p;

    *p = NULL;
    if (!f)
        return;
    for (size_t i = 0; i < SEGMENT_FILES_OPEN; i++)
        if (f->file[i].segment)
            close(f->file[i].fd);
    pthread_mutex_destroy(&f->lock);
    free(f->dir);
    free(f);
}

void segment_files_path(const struct segment_files *f, uint32_t segment, char *path, size_t size)
{
    snprintf(path, size, "%s/%08x.seg", f->dir, segment);
}

static struct open_segment *find(struct segment_files *f, uint32_t segment)
{
    for (size_t i = 0; i < SEGMENT_FILES_OPEN; i++)
        if (f->file[i].segment == segment && !f->file[i].removed)
            return &f->file[i];
    return NULL;
}

static void forget(struct open_segment *o)
{
    close(o->fd);
    *o = (struct open_segment){0};
}

/* A free entry, or the one not used for longest; NULL when all are in use. */
static struct open_segment *room(struct segment_files *f)
{
    struct open_segment *oldest = NULL;

    for (size_t i = 0; i < SEGMENT_FILES_OPEN; i++) {
        struct open_segment *o = &f->file[i];

        if (!o->segment)
            return o;
        if (!o->users && (!oldest || o->used < oldest->used))
            oldest = o;
    }
    if (oldest)
        forget(oldest);
    return oldest;
}

static struct open_segment *open_one(struct segment_files *f, uint32_t segment)
{
    struct open_segment *o = room(f);
    char path[4096];
    int fd;

    if (!o) {
        errno = EMFILE;
        return NULL;
    }
    segment_files_path(f, segment, path, sizeof path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    *o = (struct open_segment){.segment = segment, .fd = fd};
    return o;
}

int segment_files_take(struct segment_files *f, uint32_t segment)
{
    struct open_segment *o;
    int fd = -1;

    if (segment == 0) { /* no segment has this number; in the table it marks a free entry */
        errno = ENOENT;
        return -1;
    }
    pthread_mutex_lock(&f->lock);
    o = find(f, segment);
    if (!o)
        o = open_one(f, segment);
    if (o) {
        o->users++;
        o->used = ++f->clock;
        fd = o->fd;
    }
    pthread_mutex_unlock(&f->lock);
    return fd;
}

static struct open_segment *in_use(struct segment_files *f, uint32_t segment)
{
    for (size_t i = 0; i < SEGMENT_FILES_OPEN; i++)
        if (f->file[i].segment == segment && f->file[i].users)
            return &f->file[i];
    return NULL;
}

/* Segment numbers are never used twice, so a removed entry and a present one cannot be confused. */
void segment_files_give(struct segment_files *f, uint32_t segment)
{
    struct open_segment *o;

    pthread_mutex_lock(&f->lock);
    o = in_use(f, segment);
    FCT_ASSERT(o);
    if (--o->users == 0 && o->removed)
        forget(o);
    pthread_mutex_unlock(&f->lock);
}

void segment_files_forget(struct segment_files *f, uint32_t segment)
{
    struct open_segment *o;

    pthread_mutex_lock(&f->lock);
    o = find(f, segment);
    if (o && o->users)
        o->removed = true;
    else if (o)
        forget(o);
    pthread_mutex_unlock(&f->lock);
}
