/* fixture.h - a store in this process: server and client over a socket pair, the test in a fiber of
 * the same loop. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "core/base/buf.h"
#include "core/base/str.h"
#include "store/client.h"
#include "store/io.h"
#include "store/store_client.h"

#include <event2/event.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef FX_FUZZ /* a fuzz target is not run by check */
#define ck_assert(c)             ((c) ? (void)0 : abort())
#define ck_assert_msg(c, ...)    ck_assert(c)
#define ck_assert_int_ge(a, b)   ck_assert((a) >= (b))
#define ck_assert_int_eq(a, b)   ck_assert((a) == (b))
#define ck_assert_uint_eq(a, b)  ck_assert((a) == (b))
#define ck_assert_ptr_nonnull(p) ck_assert((p) != NULL)
#else
#include <check.h>
#endif

static struct event_base *fx_base;
static struct server *fx_server;
static struct store *fx_admin, *fx_edge; /* as facteurctl, as an edge process */
static struct arena *fx_arena;
static struct fct_err fx_err;
static char fx_dir[] = "/tmp/fct_store_test.XXXXXX";
static struct store_conf fx_conf = {
    .max_message = {64u << 20},
    .mailbox_cache = {1u << 20},
    .read_cache = {16u << 10},
    .write_buffer = {1u << 20},
    .block_cache = {1u << 20},
    .segment_size = {64u << 10},
    .account_cache = 100,
    .max_mailboxes = 50,
    .learn_words = 5,
    .learn_keep = {3600000},
    .queue_messages = 200000,
    .queue_recipients = 5000,
    .queue_domain_jobs = 20,
    .queue_ack_delay = {5},
    .queue_lease = {3600000},
    .max_settings = 8,
    .max_settings_bytes = {4096},
    .login_as = true,
    .hash_threads = 2,
    .login_cache = 10,
    .collect_every = {3600000},
};

#define WANT(call) ck_assert_msg((call), "%s: %s", #call, fx_err.text)

static inline struct store *fx_connect(enum role_kind kind, unsigned index)
{
    struct store *st = store_client_new(fx_base);
    int fd[2];

    WANT(ipc_pair(fd, &fx_err));
    client_new(fx_server, kind, index, fd[0]);
    store_client_peer(st, fd[1]);
    return st;
}

static inline int fx_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void fx_wipe(void)
{
    nftw(fx_dir, fx_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void fx_open(void)
{
    fx_base = event_base_new();
    WANT(fiber_setup(fx_base, 256 << 10, 8, &fx_err));
    WANT(server_open(fx_base, &fx_conf, fx_dir, true, &fx_server, &fx_err));
    fx_admin = fx_connect(ROLE_CTL, 0);
    fx_edge = fx_connect(ROLE_EDGE, 0);
}

static inline void fx_close(void)
{
    store_client_free(&fx_admin);
    store_client_free(&fx_edge);
    server_close(&fx_server);
    event_base_loop(fx_base, EVLOOP_NONBLOCK);
    fiber_teardown();
    event_base_free(fx_base);
}

struct fx_run {
    void (*body)(void);
};

static inline void fx_body(void *arg)
{
    struct fx_run *run = arg;

    fx_arena = arena_new(NULL);
    run->body();
    arena_free(&fx_arena);
    event_base_loopbreak(fx_base);
}

/* Let the loop run until the body, in a fiber, has ended. */
static inline void fx_in_fiber(void (*body)(void))
{
    struct fx_run run = {body};
    struct fiber_id id = fiber_start(fx_body, &run);

    while (fiber_is_alive(id))
        event_base_loop(fx_base, EVLOOP_ONCE);
}

/* A whole test: fresh folder, open, run, close, remove. */
static inline void fx_test(void (*body)(void))
{
    memcpy(fx_dir + sizeof fx_dir - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(fx_dir));
    fx_open();
    fx_in_fiber(body);
    fx_close();
    fx_wipe();
}

static inline int fx_memfd(const char *text, size_t n)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
    return fd;
}

static inline struct store_principal fx_login(const char *user, const char *password)
{
    struct store_principal p;

    WANT(store_login(fx_edge, str_from(user), str_from(password), fx_arena, &p, &fx_err));
    return p;
}

/* Deliver a text to one account's mailbox; returns the UID, 0 when the recipient failed. */
static inline uint32_t fx_deliver(const char *address, const char *mailbox, const char *text,
                                  const char *id)
{
    struct store_resolution r;
    struct store_delivered done;
    struct store_copy_for copy = {.mailbox = str_from(mailbox),
                                  .view_size = (uint32_t)strlen(text),
                                  .ledger = FCT_STR("ledger")};
    struct store_delivery d = {.id = str_from(id),
                               .reverse_path = FCT_STR("from@example.net"),
                               .size = strlen(text),
                               .copy = &copy,
                               .n = 1};

    WANT(store_resolve(fx_edge, str_from(address), fx_arena, &r, &fx_err));
    ck_assert_uint_eq(r.n, 1);
    copy.account = r.target[0].account;
    d.fd = fx_memfd(text, strlen(text));
    WANT(store_deliver(fx_edge, &d, fx_arena, &done, &fx_err));
    close(d.fd);
    return done.class == FCT_OK ? done.uid : 0;
}

static inline void fx_check_clean(void)
{
    struct store_check_result r;
    struct buf report = BUF_INIT(1 << 20);

    WANT(store_check(fx_admin, &r, &report, &fx_err));
    buf_put_char(&report, 0);
    ck_assert_msg(r.damaged == 0 && r.orphans == 0, "damaged %llu orphans %llu: %s",
                  (unsigned long long)r.damaged, (unsigned long long)r.orphans, report.p);
    buf_free(&report);
}

static inline struct store_view fx_select(uint32_t principal, const char *mailbox)
{
    struct store_view v;

    WANT(store_select(fx_edge, principal, str_from(mailbox), false, fx_arena, &v, &fx_err));
    return v;
}

#define ALL_UIDS ((struct uid_set){&(struct uid_range){1, UINT32_MAX}, 1})

#endif
