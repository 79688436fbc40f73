/* fuzz_queue_codec.c - values of the queue's requests from a neighbour that lies: each is read or
 * refused, within its limits; what was read is written and reads the same. The first byte says
 * which value. */
#include "core/base/arena.h"
#include "core/base/str.h"
#include "core/ipc/ipc_codec.h"
#include "store/queue_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

static bool same_recipients(const struct queue_recipient *a, const struct queue_recipient *b,
                            size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!str_equal(a[i].address, b[i].address) || !str_equal(a[i].orcpt, b[i].orcpt) ||
            a[i].notify != b[i].notify || a[i].status != b[i].status ||
            a[i].next_try != b[i].next_try || !str_equal(a[i].reply, b[i].reply))
            return false;
    return true;
}

static void try_send(struct ipc_reader *r, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(16u << 20);
    struct queue_send send, again;
    struct ipc_reader second;

    if (!queue_get_send(r, arena, &send))
        return;
    queue_put_send(&out, &send);
    second = ipc_reader(buf_str(&out));
    must(queue_get_send(&second, arena, &again) && second.p == second.end && again.n == send.n &&
         again.envelope.hold_until == send.envelope.hold_until &&
         str_equal(again.envelope.reverse_path, send.envelope.reverse_path) &&
         same_recipients(send.recipient, again.recipient, send.n));
}

static void try_entry(struct ipc_reader *r, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(16u << 20);
    struct queue_entry entry, again;
    struct ipc_reader second;

    queue_get_entry(r, arena, &entry);
    if (r->bad)
        return;
    must(entry.arrived >= 0);
    queue_put_entry(&out, &entry);
    second = ipc_reader(buf_str(&out));
    queue_get_entry(&second, arena, &again);
    must(!second.bad && second.p == second.end && again.n == entry.n && again.id == entry.id &&
         again.size == entry.size && same_recipients(entry.recipient, again.recipient, entry.n));
}

static void try_results(struct ipc_reader *r, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(16u << 20);
    const struct queue_result *result, *again;
    struct ipc_reader second;
    size_t n, m;

    result = queue_get_results(r, arena, &n);
    if (r->bad)
        return;
    must(n <= QUEUE_RESULTS_MAX);
    queue_put_results(&out, result, n);
    second = ipc_reader(buf_str(&out));
    again = queue_get_results(&second, arena, &m);
    must(!second.bad && m == n);
    for (size_t i = 0; i < n; i++)
        must(again[i].id == result[i].id && again[i].outcome == result[i].outcome &&
             result[i].outcome < QUEUE_OUT_COUNT && again[i].next_try == result[i].next_try &&
             str_equal(again[i].reply, result[i].reply));
}

static void try_filter(struct ipc_reader *r, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20), twice = BUF_INIT(1u << 20);
    struct queue_filter filter, again;
    struct ipc_reader second;

    (void)arena;
    queue_get_filter(r, &filter);
    if (r->bad)
        return;
    queue_put_filter(&out, &filter);
    second = ipc_reader(buf_str(&out));
    queue_get_filter(&second, &again);
    must(!second.bad);
    queue_put_filter(&twice, &again);
    must(str_equal(buf_str(&out), buf_str(&twice)));
}

static void try_rule(struct ipc_reader *r, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(1u << 20), twice = BUF_INIT(1u << 20);
    struct queue_rule rule, again;
    struct ipc_reader second;

    (void)arena;
    queue_get_rule(r, &rule);
    if (r->bad)
        return;
    queue_put_rule(&out, &rule);
    second = ipc_reader(buf_str(&out));
    queue_get_rule(&second, &again);
    must(!second.bad);
    queue_put_rule(&twice, &again);
    must(str_equal(buf_str(&out), buf_str(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const values[])(struct ipc_reader *, struct arena *) = {
        try_send, try_entry, try_results, try_filter, try_rule};
    struct arena *arena = arena_new(NULL);
    struct ipc_reader r;

    if (size > 0) {
        r = ipc_reader((struct fct_str){(const char *)data + 1, size - 1});
        values[data[0] % FCT_COUNT(values)](&r, arena);
    }
    arena_free(&arena);
    return 0;
}
