/* job.c - see job.h. */
#include "protocols/relay/job.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/message/down_convert.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- messages ---- */

static void copy_envelope(struct arena *arena, struct queue_envelope *e)
{
    e->reverse_path = arena_str(arena, e->reverse_path);
    e->log_id = arena_str(arena, e->log_id);
    e->login = arena_str(arena, e->login);
    e->client_ip = arena_str(arena, e->client_ip);
    e->envid = arena_str(arena, e->envid);
    e->class = arena_str(arena, e->class);
}

static const struct queue_recipient *copy_recipients(struct arena *arena,
                                                     const struct queue_entry *entry)
{
    struct queue_recipient *r = ARENA_ARRAY(arena, struct queue_recipient, entry->n + 1);

    for (size_t i = 0; i < entry->n; i++) {
        r[i] = entry->recipient[i];
        r[i].address = arena_str(arena, r[i].address);
        r[i].orcpt = arena_str(arena, r[i].orcpt);
        r[i].reply = arena_str(arena, r[i].reply);
        r[i].host = arena_str(arena, r[i].host);
    }
    return r;
}

struct mail *mail_new(const struct queue_entry *entry, struct fct_str body)
{
    struct arena *arena = arena_new(NULL);
    struct mail *m = ARENA_NEW(arena, struct mail);

    m->refs = 1;
    m->arena = arena;
    m->entry = *entry;
    copy_envelope(arena, &m->entry.envelope);
    m->entry.recipient = copy_recipients(arena, entry);
    m->body = body.p ? arena_str(arena, body) : body;
    return m;
}

static uint64_t mapped_bytes; /* of all messages */

static void unmap(struct fct_str bytes)
{
    void *p;

    memcpy(&p, &bytes.p, sizeof p); /* it was const for those who read */
    munmap(p, bytes.n);
    mapped_bytes -= bytes.n;
}

void mail_unref(struct mail **p)
{
    struct mail *m = *p;

    *p = NULL;
    if (m && --m->refs == 0) {
        struct arena *arena = m->arena;

        if (m->mapped)
            unmap(m->body);
        arena_free(&arena);
    }
}

void mail_fetch(struct mail *m, struct store *store, uint64_t most)
{
    uint64_t size = m->entry.size;

    if (m->body.p || m->asked || size > most || mapped_bytes > most - size)
        return;
    m->asked = true;
    mapped_bytes += size; /* of those under way, too */
    m->mapped = store_queue_body(store, m->entry.id, size, &m->body);
    if (!m->mapped)
        mapped_bytes -= size;
}

/* ---- jobs ---- */

struct job *job_new(struct mail *m, struct fct_str domain, const uint32_t *recipient, size_t n)
{
    struct job *j = calloc(1, sizeof *j);

    FCT_ASSERT(j);
    m->refs++;
    j->mail = m;
    j->domain = arena_str(m->arena, domain);
    j->n = j->left = n;
    j->recipient = calloc(n + 1, sizeof *j->recipient);
    j->result = calloc(n + 1, sizeof *j->result);
    FCT_ASSERT(j->recipient && j->result);
    for (size_t i = 0; i < n; i++)
        j->recipient[i] = recipient[i];
    j->taken_ms = clock_ms();
    return j;
}

void job_free(struct job **p)
{
    struct job *j = *p;

    *p = NULL;
    if (!j)
        return;
    mail_unref(&j->mail);
    down_convert_free(&j->conversion);
    free(j->recipient);
    free(j->result);
    free(j);
}

uint64_t job_size(const struct job *j)
{
    return j->conversion ? down_convert_size(j->conversion) : j->mail->entry.size;
}

void job_settle_one(struct job *j, size_t i, const struct delivery_result *result)
{
    if (j->result[i].outcome == OUTCOME_NONE)
        j->left--;
    j->result[i] = *result;
}

void job_settle(struct job *j, const struct delivery_result *result)
{
    for (size_t i = 0; i < j->n; i++)
        if (j->result[i].outcome == OUTCOME_NONE)
            job_settle_one(j, i, result);
}

/* ---- lists ---- */

void job_list_start(struct job_list *l)
{
    *l = (struct job_list){.end = &l->first};
}

void job_list_add(struct job_list *l, struct job *j)
{
    j->next = NULL;
    *l->end = j;
    l->end = &j->next;
    l->n++;
}

void job_list_put_back(struct job_list *l, struct job *j)
{
    j->next = l->first;
    l->first = j;
    if (!j->next)
        l->end = &j->next;
    l->n++;
}

struct job *job_list_take(struct job_list *l)
{
    struct job *j = l->first;

    if (!j)
        return NULL;
    l->first = j->next;
    if (!l->first)
        l->end = &l->first;
    l->n--;
    j->next = NULL;
    return j;
}
