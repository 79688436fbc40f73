/* dns_cache.c - what an answer that is known already costs: from the cache of this process, or from
 * that of another one (docs/decisions/007). Started by bench/dns.
 *
 * dns_cache WHAT N AT_ONCE SERVER: SERVER (ADDRESS@PORT) knows n0.example, n1.example, …
 *
 *   here    N answers that are known, AT_ONCE fibers with a name each; prints nanoseconds for one
 *   there   the same, asked of a process with a resolver by core/ipc
 *   memory  N names once each; prints the KiB that this process grew by */
#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/dns/resolver.h"
#include "core/fiber/fiber.h"
#include "core/ipc/ipc.h"
#include "core/log/log.h"

#include <event2/event.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define STACK_BYTES (256u << 10)
#define AT_ONCE_MAX 1000u
#define ANSWER_MAX  4096u
#define QUESTION    7 /* our kind of request */
#define DEADLINE_MS 60000u

static struct run {
    struct event_base *base;
    struct dns_resolver *resolver;
    struct ipc_conn *conn;
    const char *server;
    unsigned n, at_once, warm, running;
    uint64_t began_us, took_us;
} run;

static FCT_NORETURN void die(const char *what)
{
    fprintf(stderr, "dns_cache: %s\n", what);
    exit(1);
}

/* ---- a resolver ---- */

static void make_loop(void)
{
    struct fct_err err = {0};

    run.base = event_base_new();
    if (!run.base || !fiber_setup(run.base, STACK_BYTES, 64, &err))
        die("no event loop");
}

static void make_resolver(void)
{
    static struct dns_conf conf = {.mode = "forward",
                                   .resolv_conf = "",
                                   .root_hints = "",
                                   .dnssec = "no",
                                   .trust_anchor = "",
                                   .timeout = {4000},
                                   .message_timeout = {20000},
                                   .max_queries = 300,
                                   .max_records = 500,
                                   .max_in_flight = 1000,
                                   .cache_size = {12u << 20},
                                   .max_ttl = {86400000}};
    struct fct_err err = {0};

    conf.server = (struct fct_strings){&run.server, 1};
    run.resolver = dns_resolver_new(run.base, &conf, &err);
    if (!run.resolver)
        die(err.text);
}

static FCT_MAY_WAIT void ask_here(struct arena *arena, struct fct_str name)
{
    struct fct_dns_answer answer;

    if (!dns_resolve(run.resolver, arena, FCT_DNS_A, name, clock_ms() + DEADLINE_MS, &answer))
        die("no answer");
}

/* ---- another process ---- */

struct job {
    struct ipc_ticket ticket;
    char name[32];
};

static void serve_one(void *arg)
{
    struct job *job = arg;
    struct arena *arena = arena_new(NULL);
    struct fct_dns_answer answer;

    if (!dns_resolve(run.resolver, arena, FCT_DNS_A, str_from(job->name), clock_ms() + DEADLINE_MS,
                     &answer))
        die("no answer");
    ipc_reply(job->ticket, answer.record[0].data, NULL, 0);
    arena_free(&arena);
    free(job);
}

static void requested(void *owner, struct ipc_in *in)
{
    struct job *job = malloc(sizeof *job);

    (void)owner;
    if (!job)
        die("no memory");
    job->ticket = in->ticket;
    str_copy_c(job->name, sizeof job->name, in->payload);
    fiber_start(serve_one, job);
}

static void closed(void *owner, struct ipc_conn *conn)
{
    (void)owner, (void)conn;
    event_base_loopbreak(run.base);
}

static const struct ipc_handler handler = {.request = requested, .closed = closed};

static void start_other(void)
{
    struct fct_err err = {0};
    int fd[2];

    if (!ipc_pair(fd, &err))
        die(err.text);
    if (fork() == 0) {
        close(fd[0]);
        make_loop();
        make_resolver();
        (void)ipc_conn_new(run.base, fd[1], &handler);
        event_base_dispatch(run.base);
        _exit(0);
    }
    close(fd[1]);
    make_loop();
    run.conn = ipc_conn_new(run.base, fd[0], &handler);
}

static FCT_MAY_WAIT void ask_there(struct fct_str name)
{
    FCT_CLEANUP(buf_free) struct buf reply = BUF_INIT(ANSWER_MAX);
    struct ipc_out out = {.kind = QUESTION, .payload = name};
    struct fct_err err = {0};

    if (!ipc_call(run.conn, &out, clock_ms() + DEADLINE_MS, &reply, NULL, NULL, &err))
        die(err.text);
}

/* ---- runs ---- */

static void done(void)
{
    if (--run.running > 0)
        return;
    run.took_us = clock_us() - run.began_us;
    event_base_loopbreak(run.base);
}

static FCT_MAY_WAIT void ask(struct arena *arena, struct fct_str name)
{
    if (run.conn)
        ask_there(name);
    else
        ask_here(arena, name);
}

/* The time begins when all names are known. */
static void one_fiber(void *arg)
{
    unsigned at = *(const unsigned *)arg, share = run.n / run.at_once;
    struct arena *arena = arena_new(NULL);
    char name[32];

    (void)snprintf(name, sizeof name, "n%u.example", at);
    ask(arena, str_from(name));
    if (++run.warm == run.at_once)
        run.began_us = clock_us();
    while (run.warm < run.at_once)
        (void)fiber_sleep(1);
    for (unsigned i = 0; i < share; i++) {
        ask(arena, str_from(name));
        if (i % 64 == 0)
            arena_reset(arena);
    }
    arena_free(&arena);
    done();
}

static void many_names(void *arg)
{
    struct arena *arena = arena_new(NULL);

    (void)arg;
    for (unsigned i = 0; i < run.n; i++) {
        ask_here(arena, arena_printf(arena, "n%u.example", i));
        arena_reset(arena);
    }
    arena_free(&arena);
    done();
}

static unsigned resident_kib(void)
{
    unsigned pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f || fscanf(f, "%*u %u", &pages) != 1)
        die("/proc/self/statm");
    fclose(f);
    return pages * (unsigned)(sysconf(_SC_PAGESIZE) / 1024);
}

static void start(unsigned fibers, void (*work)(void *arg))
{
    static unsigned at[AT_ONCE_MAX];

    run.running = fibers;
    for (unsigned i = 0; i < fibers; i++) {
        at[i] = i;
        fiber_start(work, &at[i]);
    }
    event_base_dispatch(run.base);
}

int main(int argc, char **argv)
{
    unsigned before;

    if (argc != 5)
        die("usage: dns_cache here|there|memory N AT_ONCE SERVER");
    run.n = (unsigned)strtoul(argv[2], NULL, 10);
    run.at_once = (unsigned)strtoul(argv[3], NULL, 10) % AT_ONCE_MAX;
    run.server = argv[4];
    log_setup(open("/dev/null", O_WRONLY | O_CLOEXEC), "bench", FCT_INFO);
    if (strcmp(argv[1], "there") == 0) {
        start_other();
    } else {
        make_loop();
        make_resolver();
    }
    before = resident_kib();
    if (strcmp(argv[1], "memory") == 0) {
        start(1, many_names);
        printf("%u\n", resident_kib() - before);
        return 0;
    }
    start(run.at_once, one_fiber);
    printf("%.0f\n", (double)run.took_us * 1000 / run.n);
    return 0;
}
