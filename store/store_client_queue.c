/* store_client_queue.c - the queue of mail for elsewhere: leases, results, and what admins ask. */
#include "store/queue_codec.h"
#include "store/store_call.h"

#include <sys/mman.h>

const uint32_t queue_age_limit[QUEUE_AGES - 1] = {60,    300,   1200,   3600,  14400,
                                                  43200, 86400, 172800, 432000};

bool store_queue_result(struct store *st, const struct queue_result *result, size_t n,
                        struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_RESULT, err);

    queue_put_results(&c.out, result, n);
    (void)store_call_send(&c);
    return store_call_end(&c);
}

/* ---- leases ---- */

bool store_queue_claim(struct store *st, const struct queue_claim *claim, size_t n,
                       struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_CLAIM, err);

    ipc_put_u32(&c.out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_u64(&c.out, claim[i].id);
        ipc_put_u32(&c.out, claim[i].recipient);
    }
    (void)store_call_send(&c);
    return store_call_end(&c);
}

static void get_entries(struct store_call *c, struct arena *arena, struct queue_lease *out)
{
    struct queue_entry *entry;
    struct fct_str *body;

    out->entries = ipc_get_count(&c->reply, 60);
    entry = ARENA_ARRAY(arena, struct queue_entry, out->entries + 1);
    body = ARENA_ARRAY(arena, struct fct_str, out->entries + 1);
    for (size_t i = 0; i < out->entries; i++) {
        queue_get_entry(&c->reply, arena, &entry[i]);
        if (ipc_get_bool(&c->reply))
            body[i] = ipc_get_str(&c->reply);
    }
    out->entry = entry;
    out->body = body;
}

static void get_jobs(struct store_call *c, struct arena *arena, struct queue_lease *out)
{
    struct queue_job *job;

    out->n = ipc_get_count(&c->reply, 12);
    job = ARENA_ARRAY(arena, struct queue_job, out->n + 1);
    for (size_t i = 0; i < out->n; i++) {
        job[i].entry = ipc_get_u32(&c->reply);
        job[i].domain = ipc_get_str(&c->reply);
        job[i].recipient = store_get_numbers(&c->reply, arena, &job[i].n);
        if (job[i].entry >= out->entries)
            c->reply.bad = true;
        for (size_t k = 0; !c->reply.bad && k < job[i].n; k++)
            if (job[i].recipient[k] >= out->entry[job[i].entry].n)
                c->reply.bad = true;
    }
    out->job = job;
}

bool store_queue_lease(struct store *st, uint32_t max, uint32_t body_max, struct arena *arena,
                       struct queue_lease *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_LEASE, err);

    *out = (struct queue_lease){0};
    ipc_put_u32(&c.out, max);
    ipc_put_u32(&c.out, body_max);
    if (store_call_send(&c)) {
        get_entries(&c, arena, out);
        get_jobs(&c, arena, out);
        out->rules = ipc_get_u64(&c.reply);
        store_keep_reply(&c.in, arena);
    }
    return store_call_end(&c);
}

bool store_queue_domains(struct store *st, const struct queue_domain *domain, size_t n,
                         struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_DOMAINS, err);

    ipc_put_u32(&c.out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        ipc_put_str(&c.out, domain[i].domain);
        ipc_put_u32(&c.out, domain[i].jobs);
        ipc_put_u64(&c.out, domain[i].not_before_ms);
    }
    (void)store_call_send(&c);
    return store_call_end(&c);
}

bool store_queue_home(struct store *st, uint64_t id, const uint32_t *recipient, size_t n,
                      struct arena *arena, struct queue_home_result *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_HOME, err);

    ipc_put_u64(&c.out, id);
    store_put_numbers(&c.out, recipient, n);
    if (store_call_send(&c)) {
        if (ipc_get_u32(&c.reply) != n)
            c.reply.bad = true;
        for (size_t i = 0; i < n; i++) {
            uint8_t class;

            out[i].kept = ipc_get_bool(&c.reply);
            class = ipc_get_u8(&c.reply);
            out[i].class = class <= FCT_BUG ? (enum fct_class) class : FCT_BUG;
            out[i].text = store_call_copy(&c, arena);
        }
    }
    return store_call_end(&c);
}

bool store_queue_read(struct store *st, uint64_t id, uint64_t offset, uint32_t length,
                      struct buf *out, struct fct_err *err)
{
    struct buf payload = BUF_INIT(64);
    struct store_reading r = {0};

    if (st->conn) {
        ipc_put_u64(&payload, id);
        ipc_put_u64(&payload, offset);
        ipc_put_u32(&payload, length);
        r.pending = ipc_start(
            st->conn, &(struct ipc_out){.kind = STORE_QUEUE_READ, .payload = buf_str(&payload)});
        r.started = true;
        buf_free(&payload);
    }
    return store_read_collect(r, out, err);
}

bool store_queue_body(struct store *st, uint64_t id, uint64_t size, struct fct_str *mapped)
{
    struct fct_err err = {0};
    struct store_call c = store_call_begin(st, STORE_QUEUE_BODY, &err);
    void *p = MAP_FAILED;

    ipc_put_u64(&c.out, id);
    if (store_call_send(&c) && c.fd >= 0)
        p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, c.fd, 0);
    if (store_call_end(&c) && p != MAP_FAILED) {
        *mapped = (struct fct_str){p, (size_t)size};
        return true;
    }
    if (p != MAP_FAILED)
        munmap(p, (size_t)size);
    return false;
}

void store_queue_watch(struct store *st, void (*fn)(void *arg), void *arg)
{
    st->queue_fn = fn;
    st->queue_arg = arg;
}

/* ---- admin ---- */

bool store_queue_act(struct store *st, enum queue_act act, const uint64_t *id, size_t n,
                     uint32_t *done, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_ACT, err);

    *done = 0;
    ipc_put_u8(&c.out, (uint8_t)act);
    ipc_put_u32(&c.out, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        ipc_put_u64(&c.out, id[i]);
    if (store_call_send(&c))
        *done = ipc_get_u32(&c.reply);
    return store_call_end(&c);
}

static void get_domain(struct store_call *c, struct arena *arena, struct queue_domain_row *row)
{
    row->domain = store_call_copy(c, arena);
    row->messages = ipc_get_u64(&c->reply);
    row->recipients = ipc_get_u64(&c->reply);
    row->active = ipc_get_u64(&c->reply);
    row->waiting = ipc_get_u64(&c->reply);
    row->oldest = (int64_t)ipc_get_u64(&c->reply);
    row->next = (int64_t)ipc_get_u64(&c->reply);
    row->jobs = ipc_get_u32(&c->reply);
    row->blocked_ms = ipc_get_u64(&c->reply);
}

bool store_queue_statistics(struct store *st, uint32_t max_domains, struct arena *arena,
                            struct queue_statistics *out, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_STATISTICS, err);
    struct queue_domain_row *row;

    *out = (struct queue_statistics){0};
    ipc_put_u32(&c.out, max_domains);
    if (store_call_send(&c)) {
        uint64_t *const number[] = {&out->messages, &out->recipients, &out->active, &out->ready,
                                    &out->waiting,  &out->held,       &out->domains};

        for (size_t i = 0; i < FCT_COUNT(number); i++)
            *number[i] = ipc_get_u64(&c.reply);
        for (size_t i = 0; i < QUEUE_AGES; i++)
            out->age[i] = ipc_get_u64(&c.reply);
        out->n = ipc_get_count(&c.reply, 64);
        row = ARENA_ARRAY(arena, struct queue_domain_row, out->n + 1);
        for (size_t i = 0; i < out->n; i++)
            get_domain(&c, arena, &row[i]);
        out->domain = row;
    }
    return store_call_end(&c);
}

bool store_queue_history(struct store *st, struct fct_str log_id, struct arena *arena,
                         struct fct_str *lines, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_HISTORY, err);

    *lines = FCT_STR("");
    ipc_put_str(&c.out, log_id);
    if (store_call_send(&c))
        *lines = store_call_copy(&c, arena);
    return store_call_end(&c);
}

/* ---- rules ---- */

bool store_queue_rules(struct store *st, uint64_t known, struct arena *arena, uint64_t *generation,
                       const struct queue_rule **rule, size_t *n, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_RULES, err);
    struct queue_rule *all;

    *n = 0;
    *rule = NULL;
    ipc_put_u64(&c.out, known);
    if (store_call_send(&c)) {
        *generation = ipc_get_u64(&c.reply);
        *n = ipc_get_count(&c.reply, 30);
        *rule = all = ARENA_ARRAY(arena, struct queue_rule, *n + 1);
        for (size_t i = 0; i < *n; i++)
            queue_get_rule(&c.reply, &all[i]);
        store_keep_reply(&c.in, arena);
    }
    return store_call_end(&c);
}

bool store_queue_rule_set(struct store *st, const struct queue_rule *rule, struct fct_err *err)
{
    struct store_call c = store_call_begin(st, STORE_QUEUE_RULE_SET, err);

    queue_put_rule(&c.out, rule);
    (void)store_call_send(&c);
    return store_call_end(&c);
}
