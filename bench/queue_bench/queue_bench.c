/* queue_bench.c - what the queue of mail for elsewhere costs in the store: time to take a message,
 * to hand it out and to hear of its end, to list it, to start with it; memory.
 *
 * queue_bench N DOMAINS [BYTES]: N messages of BYTES to DOMAINS domains in turn. Prints `name
 * value` lines. Runs the store in this process, on a folder in /tmp. */
#define FX_FUZZ
#include "tests/unit/store/fixture.h"

#include "store/store_queue.h"

#include <malloc.h>

#define AT_ONCE 20u
#define PIECE   500u

static unsigned messages = 100000, domains = 50, size = 4096;
static unsigned sent;
static char *text;

static uint64_t heap(void)
{
    struct mallinfo2 m = mallinfo2();

    return m.uordblks + m.hblkhd;
}

static void put_one(unsigned number)
{
    char address[64];
    struct queue_recipient to;
    struct queue_send send = {.recipient = &to, .n = 1};
    struct arena *arena = arena_new(NULL);
    struct store_delivery d = {.id = FCT_STR("yqc0a7qw61iu.1"),
                               .reverse_path = FCT_STR("somebody@example.org"),
                               .login = FCT_STR("somebody@example.org"),
                               .size = size,
                               .send = &send};
    struct fct_err err = {0};

    snprintf(address, sizeof address, "user%u@domain%u.example", number, number % domains);
    to = (struct queue_recipient){.address = str_from(address)};
    snprintf(text, 32, "X-Number: %u", number);
    d.fd = fx_memfd(text, size);
    ck_assert(store_deliver(fx_edge, &d, arena, NULL, &err));
    close(d.fd);
    arena_free(&arena);
}

static void putter(void *arg)
{
    (void)arg;
    while (sent < messages)
        put_one(sent++);
}

static void say(const char *name, uint64_t us, unsigned n)
{
    printf("%s_us %.2f\n%s_total_ms %.1f\n", name, (double)us / n, name, (double)us / 1000);
}

static void fill(void)
{
    struct fiber_group g = {0};
    uint64_t before = heap(), start = clock_us();

    for (unsigned i = 0; i < AT_ONCE; i++)
        fiber_group_run(&g, putter, NULL);
    fiber_group_wait(&g);
    say("take", clock_us() - start, messages);
    printf("heap_growth_bytes %.1f\n", (double)(heap() - before) / messages);
}

static void list(void)
{
    struct queue_filter all = {0};
    uint64_t start = clock_us(), after = 0, n = 0;
    bool done = false;

    while (!done) {
        struct arena *arena = arena_new(NULL);
        const struct queue_row *row;
        size_t some;

        WANT(store_queue_list(fx_admin, &all, &after, arena, &row, &some, &done, &fx_err));
        n += some;
        arena_free(&arena);
    }
    ck_assert(n == messages);
    say("list", clock_us() - start, messages);
}

static void reopen(void)
{
    uint64_t before, start;

    store_client_free(&fx_admin);
    store_client_free(&fx_edge);
    server_close(&fx_server);
    malloc_trim(0);
    before = heap();
    start = clock_us();
    WANT(server_open(fx_base, &fx_conf, fx_dir, true, &fx_server, &fx_err));
    say("open", clock_us() - start, messages);
    printf("heap_after_open_bytes %.1f\n", (double)(heap() - before) / messages);
    fx_admin = fx_connect(ROLE_CTL, 0);
    fx_edge = fx_connect(ROLE_RELAY, 0);
    WANT(store_queue_claim(fx_edge, NULL, 0, &fx_err));
}

static void report(const struct queue_lease *l)
{
    struct queue_result *r = calloc(l->n + 1, sizeof *r);

    ck_assert(r);
    for (size_t i = 0; i < l->n; i++)
        r[i] = (struct queue_result){.id = l->entry[l->job[i].entry].id,
                                     .recipient = l->job[i].recipient[0],
                                     .reply = FCT_STR("250 2.0.0 ok"),
                                     .host = FCT_STR("mx.example [192.0.2.1]")};
    WANT(store_queue_result(fx_edge, r, l->n, &fx_err));
    free(r);
}

static void drain(void)
{
    uint64_t start = clock_us();
    struct queue_lease l = {.n = 1};
    unsigned n = 0;

    while (l.n > 0) {
        struct arena *arena = arena_new(NULL);

        WANT(store_queue_lease(fx_edge, PIECE, 64 << 10, arena, &l, &fx_err));
        n += (unsigned)l.n;
        report(&l);
        arena_free(&arena);
    }
    ck_assert(n == messages);
    say("send", clock_us() - start, messages);
}

static void run(void)
{
    fill();
    list();
    reopen();
    list();
    drain();
}

int main(int argc, char **argv)
{
    if (argc > 1)
        messages = (unsigned)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        domains = (unsigned)strtoul(argv[2], NULL, 10);
    if (argc > 3)
        size = (unsigned)strtoul(argv[3], NULL, 10);
    if (messages == 0 || domains == 0 || size < 64)
        return 2;
    text = calloc(1, size);
    ck_assert(text);
    memset(text, 'x', size);
    fx_conf.queue_messages = messages + 1;
    fx_conf.queue_per_login = messages + 1;
    fx_conf.queue_domain_jobs = PIECE;
    fx_conf.segment_size.bytes = 256u << 20;
    fx_conf.write_buffer.bytes = 16u << 20;
    fx_test(run);
    free(text);
    return 0;
}
