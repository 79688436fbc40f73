/* server.c - opening and closing the store, and what it does once a second. */
#include "store/server.h"

#include "store/blob.h"
#include "store/change_feed.h"
#include "store/client.h"
#include "store/digest.h"
#include "store/directory.h"
#include "store/forward.h"
#include "store/hot_body.h"
#include "store/io.h"
#include "store/learning.h"
#include "store/mail_cache.h"
#include "store/message.h"
#include "store/password.h"
#include "store/places.h"
#include "store/privacy_days.h"
#include "store/queue.h"
#include "store/queue_history.h"
#include "store/queue_rules.h"
#include "store/suppress.h"

#include "core/base/clock.h"
#include "core/base/id.h"
#include "core/base/str.h"
#include "core/log/log.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TURN_WAITING_MAX 4096

/* ---- turns ---- */

bool turn_take(struct turn *t, struct fct_err *err)
{
    while (t->taken >= t->places) {
        if (t->n == TURN_WAITING_MAX)
            return fct_fail(err, FCT_TEMP, "the store is busy");
        if (t->n == t->room) {
            t->room = t->room ? 2 * t->room : 16;
            t->waiting = realloc(t->waiting, t->room * sizeof *t->waiting);
            FCT_ASSERT(t->waiting);
        }
        t->waiting[t->n++] = fiber_token();
        fiber_park_fully();
    }
    t->taken++;
    return true;
}

void turn_give(struct turn *t)
{
    struct fiber_token next;

    t->taken--;
    if (t->n == 0)
        return;
    next = t->waiting[0];
    memmove(t->waiting, t->waiting + 1, --t->n * sizeof *t->waiting);
    fiber_wake(next);
}

/* ---- what the committer reports ---- */

static void on_durable(void *arg, const struct touch *touch, size_t n, const struct batch *batch)
{
    struct server *s = arg;

    (void)batch;
    feed_publish(s->feed, touch, n, client_tell);
    queue_durable(s, touch, n);
}

static void on_done(void *arg, const struct batch *batch)
{
    blob_batch_done(arg, batch);
}

static void on_failed(void *arg, uint64_t first, uint64_t last, const struct fct_err *why,
                      bool broken)
{
    struct server *s = arg;

    log_event(EV_STORE_FAILED, FCT_STR(""), F_C("why", why->text),
              F_U64("changes", last + 1 - first), F_BOOL("restart", broken));
    if (broken) { /* what is on disk is known only after recovery: nothing more is answered from
                     this memory */
        log_flush();
        _exit(EXIT_FAILURE);
    }
    account_forget_failed(s, first, last);
    queue_failed(s);
}

/* ---- files of the installation ---- */

#define FORMAT_TEXT "facteur store 4\n"

/* Of the same length, and what they had not. */
static const char *const older_formats[] = {
    "facteur store 1\n", /* compressed groups */
    "facteur store 2\n", /* views of version 3, days of privacy */
    "facteur store 3\n", /* bodies named by BLAKE3, copies that wait in the queue */
};

/* The folder's owner owns what is made in it, also when we are still root. */
static void give_to_owner(int fd, const char *dir)
{
    struct stat st;

    if (geteuid() == 0 && stat(dir, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) != 0)
        log_event(EV_WARNING, FCT_STR(""), F_C("why", "the store's files keep the owner root"));
}

/* Whole or not at all: written under another name first. */
static bool write_file(const char *dir, const char *path, const void *p, size_t n,
                       struct fct_err *err)
{
    char fresh[4200];
    struct iovec iov;
    bool ok;
    int fd;

    snprintf(fresh, sizeof fresh, "%s.new", path);
    memcpy(&iov.iov_base, &p, sizeof p);
    iov.iov_len = n;
    if (!io_open(fresh, O_WRONLY | O_CREAT | O_TRUNC, &fd, err))
        return false;
    give_to_owner(fd, dir);
    ok = io_write_at(fd, &iov, 1, 0, err) && io_sync(fd, err);
    close(fd);
    if (ok && rename(fresh, path) != 0)
        ok = fct_fail(err, FCT_TEMP, "rename %s: %s", fresh, strerror(errno));
    return ok && io_sync_dir(dir, err);
}

/* Read a small file, or make it with these bytes. */
static bool small_file(const char *dir, const char *name, void *p, size_t n, struct fct_err *err)
{
    char path[4096];
    ssize_t got;
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return write_file(dir, path, p, n, err);
    if (fd < 0)
        return fct_fail(err, FCT_TEMP, "open %s: %s", path, strerror(errno));
    got = read(fd, p, n);
    close(fd);
    return got == (ssize_t)n || fct_fail(err, FCT_TEMP, "%s is cut short", path);
}

static bool make_dir(const char *dir, const char *name, struct fct_err *err)
{
    char path[4096];
    int fd;

    snprintf(path, sizeof path, "%s%s%s", dir, *name ? "/" : "", name);
    if (mkdir(path, 0700) != 0)
        return errno == EEXIST || fct_fail(err, FCT_TEMP, "make %s: %s", path, strerror(errno));
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && *name)
        give_to_owner(fd, dir);
    if (fd >= 0)
        close(fd);
    return true;
}

/* Before the first group that an older program would take for the torn end of the log. */
static bool raise_format(const char *dir, struct fct_err *err)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/format", dir);
    return write_file(dir, path, FORMAT_TEXT, sizeof FORMAT_TEXT - 1, err);
}

bool server_prepare_dir(const char *dir, uint8_t key[32], struct fct_err *err)
{
    char format[] = FORMAT_TEXT;

    random_bytes(key, 32);
    if (!make_dir(dir, "", err) || !make_dir(dir, "tmp", err) || !make_dir(dir, "index", err) ||
        !make_dir(dir, "log", err) || !small_file(dir, "format", format, sizeof format - 1, err) ||
        !small_file(dir, "key", key, 32, err))
        return false;
    for (size_t i = 0; i < FCT_COUNT(older_formats); i++)
        if (strcmp(format, older_formats[i]) == 0)
            return raise_format(dir, err);
    if (strcmp(format, FORMAT_TEXT) != 0)
        return fct_fail(err, FCT_TEMP, "%s was written by another version of the store", dir);
    return true;
}

/* ---- once a second ---- */

static void watch_disk(struct server *s)
{
    struct statvfs fs;
    bool low;

    if (statvfs(s->dir, &fs) != 0)
        return;
    low = (uint64_t)fs.f_bavail * fs.f_frsize < s->conf->reserve.bytes;
    if (low != s->disk_low)
        log_event(EV_WARNING, FCT_STR(""),
                  F_C("why", low ? "the disk is nearly full: new mail is refused"
                                 : "the disk has room again"));
    s->disk_low = low;
}

static bool any_key(void *arg, struct fct_str key, struct fct_str value)
{
    bool *any = arg;

    (void)key;
    (void)value;
    *any = true;
    return false;
}

static bool sweep_account(struct server *s, uint64_t id, struct fct_err *err)
{
    int64_t older_than = clock_wall() + 1 - (int64_t)(s->conf->grace.ms / 1000);
    bool left = false;

    if (!message_sweep(s, id, older_than, err))
        return false;
    if (!s->driver->ops->scan(s->driver, NULL, id, FCT_STR("g"), FCT_STR("h"), any_key, &left, err))
        return false;
    if (!left && !account_is_busy(s, id))
        map_remove(s->dirty, map_u64(&id));
    return true;
}

static void sweep(void *arg)
{
    struct server *s = arg;
    size_t n = map_count(s->dirty), i = 0, at = 0;
    uint64_t *id = calloc(n + 1, sizeof *id);
    struct fct_err err = {0};
    struct fct_str key;
    void *value;

    FCT_ASSERT(id);
    while (i < n && map_next(s->dirty, &at, &key, &value))
        memcpy(&id[i++], key.p, sizeof *id);
    for (n = i, i = 0; i < n && !s->draining; i++)
        if (!sweep_account(s, id[i], &err))
            log_event(EV_WARNING, FCT_STR(""), F_C("why", err.text), F_U64("account", id[i]));
    free(id);
    s->sweeping = false;
}

struct collect_work {
    struct server *s;
    struct buf text;
    struct fct_err err;
    bool ok;
};

static bool commit_in_thread(void *arg, struct batch *b, struct fct_err *err)
{
    struct server *s = arg;

    return commit_from_thread(s->commit, b, err);
}

static void collect_work(void *arg)
{
    struct collect_work *w = arg;

    w->ok = w->s->driver->ops->maintain(w->s->driver, DRIVER_COLLECT, commit_in_thread, w->s,
                                        &w->text, &w->err);
}

bool server_collect(struct server *s, struct buf *text, struct fct_err *err)
{
    struct collect_work w = {.s = s, .text = BUF_INIT(4096)};

    if (!turn_take(&s->maintenance, err))
        return false;
    offload(collect_work, &w);
    turn_give(&s->maintenance);
    if (text)
        buf_put_str(text, buf_str(&w.text));
    buf_free(&w.text);
    if (!w.ok)
        *err = w.err;
    return w.ok;
}

static void collect(void *arg)
{
    struct server *s = arg;
    struct fct_err err = {0};

    if (!server_collect(s, NULL, &err))
        log_event(EV_WARNING, FCT_STR(""), F_C("why", err.text));
    s->collecting = false;
}

#define DIGEST_MS 3600000u

static void send_digests(void *arg)
{
    struct server *s = arg;

    digest_round(s);
    suppress_sweep(s);
    s->digesting = false;
}

static void start_background(struct server *s)
{
    uint64_t now = clock_ms();

    if (s->draining)
        return;
    if (now >= s->next_sweep && !s->sweeping && map_count(s->dirty) > 0) {
        s->sweeping = true;
        s->next_sweep = now + 1000 + s->conf->grace.ms / 10;
        fiber_start(sweep, s);
    }
    if (now >= s->next_collect && !s->collecting) {
        s->collecting = true;
        s->next_collect = now + s->conf->collect_every.ms;
        fiber_start(collect, s);
    }
    if (now >= s->next_digest && !s->digesting) {
        s->digesting = true;
        s->next_digest = now + DIGEST_MS;
        fiber_start(send_digests, s);
    }
}

static void try_drained(struct server *s)
{
    if (s->drained || s->digesting || clients_busy(s) > 0 || !commit_is_idle(s->commit) ||
        s->sweeping || s->collecting)
        return;
    s->drained = true;
    if (s->on_drained)
        s->on_drained(s->on_drained_arg);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct server *s = arg;

    (void)fd;
    (void)what;
    watch_disk(s);
    account_forget_unused(s);
    mailbox_index_forget_unused(s);
    start_background(s);
    queue_tick(s);
    queue_history_tick(s);
    hot_bodies_age(s->hot, clock_ms());
    if (s->draining)
        try_drained(s); /* s may be gone */
}

void server_drain(struct server *s)
{
    struct timeval often = {0, 10000};

    s->draining = true;
    event_add(s->tick, &often);
}

/* Accounts where an earlier run left something to sweep. */
static bool mark_dirty(void *arg, struct fct_str address, uint64_t id)
{
    struct server *s = arg;
    struct fct_err ignored;
    bool any = false;

    (void)address;
    if (s->driver->ops->scan(s->driver, NULL, id, FCT_STR("g"), FCT_STR("h"), any_key, &any,
                             &ignored) &&
        any)
        map_put(s->dirty, map_u64(&id), s);
    return true;
}

/* ---- opening and closing ---- */

/* Values written by APPEND: hot chunks, places, days of privacy. */
static bool fold(struct fct_str key, struct fct_str old, const struct fct_str *piece, size_t n,
                 struct buf *out)
{
    if (key.n > 0 && key.p[0] == 'h')
        return hot_chunk_fold(old, piece, n, out);
    if (key.n > 0 && key.p[0] == 'y')
        return places_fold(old, piece, n, out);
    if (key.n > 0 && key.p[0] == 's')
        return queue_state_fold(old, piece, n, out);
    if (key.n > 0 && key.p[0] == PRIVACY_DAY_KEY)
        return privacy_day_fold(old, piece, n, out);
    return false;
}

static void make_parts(struct server *s)
{
    s->accounts = map_new();
    s->blobs = map_new();
    s->dirty = map_new();
    s->domains = map_new();
    s->records = map_new();
    s->feed = feed_new();
    s->mails = mail_cache_new();
    s->hot = hot_bodies_new(s->conf->queue_hot.bytes);
    s->passwords = passwords_new(s);
    s->admin.places = s->maintenance.places = 1;
    s->next_collect = clock_ms() + s->conf->collect_every.ms;
    s->next_digest = clock_ms() + DIGEST_MS / 60;
}

static bool open_driver(struct server *s, struct fct_err *err)
{
    struct driver_conf conf = {
        .dir = s->dir,
        .fold = fold,
        .write_buffer = s->conf->write_buffer.bytes,
        .block_cache = s->conf->block_cache.bytes,
        .segment_size = s->conf->segment_size.bytes,
    };
    struct buf report = BUF_INIT(1024);
    uint64_t before = clock_ms();

    if (!driver_local_open(&conf, &s->driver, &report, err))
        return false;
    log_event(EV_STORE_OPEN, FCT_STR(""), F_STR("recovery", buf_str(&report)),
              F_U64("ms", clock_ms() - before));
    buf_free(&report);
    return true;
}

static bool start_parts(struct server *s, struct fct_err *err)
{
    struct commit_owner owner = {on_durable, on_failed, on_done, s};
    struct timeval second = {1, 0};

    if (!server_prepare_dir(s->dir, s->blob_key, err) || !open_driver(s, err) ||
        !commit_start(s->base, s->driver, &owner, &s->commit, err) || !learning_open(s, err) ||
        !queue_rules_open(s, err) || !queue_open(s, err) ||
        !directory_accounts(s->driver, NULL, mark_dirty, s, err))
        return false;
    s->tick = event_new(s->base, -1, EV_PERSIST, on_tick, s);
    if (!s->tick || event_add(s->tick, &second) != 0)
        return fct_fail(err, FCT_TEMP, "no timer");
    watch_disk(s);
    return true;
}

bool server_open(struct event_base *base, const struct store_conf *conf, const char *dir, bool dev,
                 struct server **out, struct fct_err *err)
{
    struct server *s = calloc(1, sizeof *s);

    FCT_ASSERT(s);
    s->base = base;
    s->conf = conf;
    s->dev = dev;
    s->dir = str_dup_c(str_from(dir));
    make_parts(s);
    *out = s;
    if (start_parts(s, err))
        return true;
    server_close(out);
    return fct_fail_in(err, "store %s", dir);
}

static void free_pending_blobs(struct server *s)
{
    struct fct_str key;
    size_t at = 0;
    void *value;

    while (map_next(s->blobs, &at, &key, &value))
        free(value);
    map_free(&s->blobs);
}

void server_close(struct server **p)
{
    struct server *s = *p;

    *p = NULL;
    if (!s)
        return;
    if (s->tick)
        event_free(s->tick);
    clients_free(s);
    commit_stop(&s->commit);
    driver_close(&s->driver);
    learning_close(s);
    queue_close(s);
    queue_history_close(s);
    queue_rules_close(s);
    hot_bodies_free(&s->hot);
    forward_close(s);
    accounts_free(s);
    free_pending_blobs(s);
    map_free(&s->dirty);
    directory_close(s);
    feed_free(&s->feed);
    mail_cache_free(&s->mails);
    passwords_free(&s->passwords);
    free(s->index_waiting);
    free(s->admin.waiting);
    free(s->maintenance.waiting);
    free(s->dir);
    free(s);
}
