/* ctl_queue.c - see ctl_queue.h. */
#include "core/ctl/ctl_queue.h"

#include "core/base/str.h"
#include "core/ctl/ctl_cli.h"
#include "core/ctl/ctl_output.h"
#include "core/ctl/ctl_queue_int.h"
#include "core/ctl/ctl_replay.h"
#include "store/store_queue.h"

#include <stdlib.h>
#include <time.h>

#define TEXT_MAX    (256u << 20)
#define TOP_DOMAINS 20u

const char *const ctl_queue_status_word[] = {
    [QUEUE_PENDING] = "pending",
    [QUEUE_DELIVERED] = "delivered",
    [QUEUE_FAILED] = "failed",
    [QUEUE_EXPIRED] = "expired",
};
const char *const ctl_queue_state_word[] = {
    [QUEUE_STATE_READY] = "ready",
    [QUEUE_STATE_ACTIVE] = "active",
    [QUEUE_STATE_WAITING] = "waiting",
    [QUEUE_STATE_HELD] = "held",
};
int ctl_queue_failed(const struct fct_err *err)
{
    int status = ctl_error(err);

    return err->class == FCT_SYNTAX ? CTL_USAGE : status;
}

/* ---- which ---- */

static bool read_age(const struct ctl *c, const char *option, uint64_t *seconds,
                     struct fct_err *err)
{
    const char *text = ctl_option(c, option);
    int64_t now = (int64_t)time(NULL), since;

    *seconds = 0;
    if (!text)
        return true;
    if (!replay_since_parse(str_from(text), now, &since, err))
        return fct_fail_in(err, "%s", option);
    *seconds = since < now ? (uint64_t)(now - since) : 1;
    return true;
}

static bool read_state(const struct ctl *c, unsigned *states, struct fct_err *err)
{
    const char *word = ctl_option(c, "--state");

    *states = 0;
    for (unsigned i = 0; word && i < FCT_COUNT(ctl_queue_state_word); i++)
        if (strcmp(word, ctl_queue_state_word[i]) == 0)
            *states = 1u << i;
    return !word || *states != 0 ||
           fct_fail(err, FCT_SYNTAX, "--state: ready, active, waiting or held");
}

bool ctl_queue_read_filter(const struct ctl *c, struct queue_filter *f, struct fct_err *err)
{
    *f = (struct queue_filter){.sender = str_from(ctl_option(c, "--from")),
                               .recipient = str_from(ctl_option(c, "--to")),
                               .domain = str_from(ctl_option(c, "--domain")),
                               .login = str_from(ctl_option(c, "--login")),
                               .reply = str_from(ctl_option(c, "--reply")),
                               .trace = str_from(ctl_option(c, "--trace"))};
    return read_age(c, "--older", &f->older_than, err) &&
           read_age(c, "--newer", &f->younger_than, err) && read_state(c, &f->states, err);
}

static bool read_number(const char *word, uint64_t *id, struct fct_err *err)
{
    return (str_to_u64(str_from(word), id) && *id > 0) ||
           fct_fail(err, FCT_SYNTAX, "%.40s is no number of a queue entry", word);
}

/* ---- show ---- */

static void put_line(struct buf *out, const char *label, struct fct_str value)
{
    if (value.n == 0)
        return;
    buf_printf(out, "%-10s ", label);
    ctl_put_safe(value, out);
    buf_put_char(out, '\n');
}

static void put_recipient(struct ctl *c, const struct queue_recipient *r, struct buf *out)
{
    put_line(out, "to",
             arena_printf(c->arena, "%.*s: %s, %u attempt%s", FCT_FMT(r->address),
                          ctl_queue_status_word[r->status], r->attempts,
                          r->attempts == 1 ? "" : "s"));
    if (r->last_try > 0)
        put_line(out, "  tried", ctl_time(c->arena, r->last_try));
    if (r->status == QUEUE_PENDING && r->next_try > 0)
        put_line(out, "  again", ctl_time(c->arena, r->next_try));
    put_line(out, "  host", r->host);
    put_line(out, "  reply", r->reply);
    put_line(out, "  orcpt", r->orcpt);
}

static void show_text(struct ctl *c, const struct queue_row *row)
{
    const struct queue_entry *e = &row->entry;
    const struct queue_envelope *v = &e->envelope;
    struct buf out = BUF_INIT(TEXT_MAX);

    put_line(&out, "id", ctl_number(c->arena, e->id));
    put_line(&out, "state", str_from(ctl_queue_state_word[row->state]));
    put_line(&out, "arrived", ctl_time(c->arena, e->arrived));
    if (row->state == QUEUE_STATE_WAITING)
        put_line(&out, "next try", ctl_time(c->arena, row->due));
    put_line(&out, "size", ctl_bytes(c->arena, e->size));
    put_line(&out, "from", v->reverse_path.n ? v->reverse_path : FCT_STR("<>"));
    put_line(&out, "login", v->login);
    put_line(&out, "client", v->client_ip);
    put_line(&out, "trace", v->log_id);
    put_line(&out, "envid", v->envid);
    put_line(&out, "class", v->class);
    if (v->hold_until > 0)
        put_line(&out, "not before", ctl_time(c->arena, v->hold_until));
    if (v->priority)
        put_line(&out, "priority", arena_printf(c->arena, "%d", v->priority));
    for (size_t i = 0; i < e->n; i++)
        put_recipient(c, &e->recipient[i], &out);
    ctl_print(&out);
    buf_free(&out);
}

int ctl_queue_show(struct ctl *c)
{
    struct queue_filter f = {0};
    const struct queue_row *row;
    uint64_t after = 0;
    struct fct_err err = {0};
    bool done;
    size_t n;

    if (!read_number(c->word[0], &f.id, &err) ||
        !store_queue_list(c->store, &f, &after, c->arena, &row, &n, &done, &err))
        return ctl_queue_failed(&err);
    if (n == 0) {
        fct_fail(&err, FCT_DENIED, "nothing with that number is in the queue (any more)");
        return ctl_queue_failed(&err);
    }
    if (c->json)
        ctl_queue_print_json(row);
    else
        show_text(c, row);
    return CTL_OK;
}

/* ---- changes ---- */

struct ids {
    uint64_t *id;
    size_t n, room;
    enum queue_act act;
    int64_t now;
    size_t left; /* that only their numbers move */
};

static bool was_tried(const struct queue_entry *e)
{
    for (size_t i = 0; i < e->n; i++)
        if (e->recipient[i].last_try > 0)
            return true;
    return false;
}

/* Whoever flushes the queue means mail that was put off, not what somebody scheduled, may still
 * take back, or holds. */
static bool stays_behind(const struct ids *ids, const struct queue_row *row)
{
    return ids->act == QUEUE_RETRY &&
           (row->state == QUEUE_STATE_HELD ||
            (row->entry.envelope.hold_until > ids->now && !was_tried(&row->entry)));
}

static void add_id(struct ids *ids, uint64_t id)
{
    if (ids->n == ids->room) {
        ids->room = ids->room ? 2 * ids->room : 256;
        ids->id = realloc(ids->id, ids->room * sizeof *ids->id);
        FCT_ASSERT(ids->id);
    }
    ids->id[ids->n++] = id;
}

static void add_row(void *arg, const struct queue_row *row)
{
    struct ids *ids = arg;

    if (stays_behind(ids, row))
        ids->left++;
    else
        add_id(ids, row->entry.id);
}

static bool has_filter(const struct queue_filter *f)
{
    return f->sender.n || f->recipient.n || f->domain.n || f->login.n || f->reply.n || f->trace.n ||
           f->older_than || f->younger_than || f->states;
}

/* A report about the message has its trace, too, but nothing to wait for. */
static void add_part(void *arg, const struct queue_row *row)
{
    struct ids *ids = arg;

    if (row->entry.envelope.hold_until == 0)
        return;
    for (size_t i = 0; i < ids->n; i++)
        if (ids->id[i] == row->entry.id)
            return;
    add_id(ids, row->entry.id);
}

/* Whoever takes a message back means all its recipients: with many it is several entries. */
static bool add_all_parts(struct ctl *c, struct ids *ids, uint64_t id, struct fct_err *err)
{
    struct queue_filter f = {.id = id};
    const struct queue_row *row;
    uint64_t after = 0;
    bool done;
    size_t n;

    if (!store_queue_list(c->store, &f, &after, c->arena, &row, &n, &done, err))
        return false;
    if (n == 0 || row->entry.envelope.hold_until == 0) {
        add_id(ids, id);
        return true;
    }
    f = (struct queue_filter){.trace = row->entry.envelope.log_id};
    return ctl_queue_each(c, &f, add_part, ids, err);
}

/* By numbers, by a filter, or --all; by nothing is a mistake. */
static bool choose(struct ctl *c, struct ids *ids, struct fct_err *err)
{
    struct queue_filter f;

    if (!ctl_queue_read_filter(c, &f, err))
        return false;
    for (unsigned i = 0; i < c->words; i++) {
        uint64_t id;

        if (!read_number(c->word[i], &id, err))
            return false;
        if (ids->act != QUEUE_UNDO)
            add_id(ids, id);
        else if (!add_all_parts(c, ids, id, err))
            return false;
    }
    if (c->words > 0)
        return !has_filter(&f) ||
               fct_fail(err, FCT_SYNTAX, "numbers, or a filter such as --domain; not both");
    if (!has_filter(&f) && !ctl_option(c, "--all"))
        return fct_fail(err, FCT_SYNTAX, "which? Numbers, a filter such as --domain, or --all");
    return ctl_queue_each(c, &f, add_row, ids, err);
}

static bool act_on(struct ctl *c, const struct ids *ids, uint64_t *done, struct fct_err *err)
{
    *done = 0;
    for (size_t at = 0; at < ids->n; at += QUEUE_ACT_MAX) {
        size_t n = ids->n - at < QUEUE_ACT_MAX ? ids->n - at : QUEUE_ACT_MAX;
        uint32_t some;

        if (!store_queue_act(c->store, ids->act, ids->id + at, n, &some, err))
            return false;
        *done += some;
    }
    return true;
}

static void put_change(const struct ctl *c, const char *word, uint64_t done, size_t left)
{
    if (c->json) {
        ctl_print_json(json_pack("{s:s, s:I, s:I}", "done", word, "messages", (json_int_t)done,
                                 "left", (json_int_t)left));
        return;
    }
    (void)printf("%llu message%s %s\n", (unsigned long long)done, done == 1 ? "" : "s", word);
    if (left > 0)
        (void)printf(
            "%zu left: scheduled, in an undo window, or held; by number if that is meant\n", left);
}

static int change(struct ctl *c, enum queue_act act, const char *word)
{
    struct ids ids = {.act = act, .now = (int64_t)time(NULL)};
    struct fct_err err = {0};
    uint64_t done = 0;
    bool ok = choose(c, &ids, &err) && act_on(c, &ids, &done, &err);
    bool missing = c->words > 0 && done < ids.n;

    free(ids.id);
    if (!ok)
        return ctl_queue_failed(&err);
    put_change(c, word, done, ids.left);
    return missing ? CTL_NO : CTL_OK;
}

int ctl_queue_hold(struct ctl *c)
{
    return change(c, QUEUE_HOLD, "held");
}

int ctl_queue_release(struct ctl *c)
{
    return change(c, QUEUE_RELEASE, "released");
}

int ctl_queue_retry(struct ctl *c)
{
    return change(c, QUEUE_RETRY, "due now");
}

int ctl_queue_undo(struct ctl *c)
{
    return change(c, QUEUE_UNDO, "taken back");
}

int ctl_queue_drop(struct ctl *c)
{
    struct fct_err err = {0};

    if (!ctl_option(c, "--yes")) {
        fct_fail(&err, FCT_SYNTAX,
                 "dropped mail is gone and nobody is told; say --yes if that is meant");
        return ctl_queue_failed(&err);
    }
    return change(c, QUEUE_DROP, "dropped");
}

/* ---- top ---- */

static const char *const age_word[QUEUE_AGES] = {"< 1 min", "< 5 min", "< 20 min", "< 1 h",
                                                 "< 4 h",   "< 12 h",  "< 1 d",    "< 2 d",
                                                 "< 5 d",   "older"};

static void top_json(const struct queue_statistics *st)
{
    json_t *ages = json_array(), *domains = json_array();

    for (size_t i = 0; i < QUEUE_AGES; i++)
        json_array_append_new(ages,
                              json_pack("{s:I, s:I}", "below",
                                        (json_int_t)(i < QUEUE_AGES - 1 ? queue_age_limit[i] : 0),
                                        "recipients", (json_int_t)st->age[i]));
    for (size_t i = 0; i < st->n; i++) {
        const struct queue_domain_row *d = &st->domain[i];

        json_array_append_new(
            domains, json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "domain",
                               ctl_json_str(d->domain), "messages", (json_int_t)d->messages,
                               "recipients", (json_int_t)d->recipients, "active",
                               (json_int_t)d->active, "waiting", (json_int_t)d->waiting, "oldest",
                               (json_int_t)d->oldest, "next", (json_int_t)d->next, "jobs",
                               (json_int_t)d->jobs, "blocked_ms", (json_int_t)d->blocked_ms));
    }
    ctl_print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "messages",
                             (json_int_t)st->messages, "recipients", (json_int_t)st->recipients,
                             "active", (json_int_t)st->active, "ready", (json_int_t)st->ready,
                             "waiting", (json_int_t)st->waiting, "held", (json_int_t)st->held,
                             "domains", (json_int_t)st->domains, "ages", ages, "top", domains));
}

static void put_top(struct ctl *c, const struct queue_statistics *st, struct buf *out)
{
    struct ctl_table t = {.arena = c->arena,
                          .column = {"domain", "messages>", "recipients>", "active>", "waiting>",
                                     "oldest", "next try", "blocked>"},
                          .columns = 8};

    for (size_t i = 0; i < st->n; i++) {
        const struct queue_domain_row *d = &st->domain[i];

        ctl_table_row(&t, (const struct fct_str[]){
                              d->domain.n ? d->domain : FCT_STR("(reports)"),
                              ctl_number(c->arena, d->messages),
                              ctl_number(c->arena, d->recipients), ctl_number(c->arena, d->active),
                              ctl_number(c->arena, d->waiting), ctl_time(c->arena, d->oldest),
                              d->next ? ctl_time(c->arena, d->next) : FCT_STR(""),
                              d->blocked_ms == QUEUE_BLOCKED_HELD ? FCT_STR("by a rule")
                              : d->blocked_ms
                                  ? arena_printf(c->arena, "%llu s",
                                                 (unsigned long long)(d->blocked_ms + 999) / 1000)
                                  : FCT_STR("")});
    }
    if (st->n > 0)
        ctl_table_print(&t, ctl_wants_colour(), out);
}

int ctl_queue_top(struct ctl *c)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct queue_statistics st;
    struct fct_err err = {0};

    if (!store_queue_statistics(c->store, TOP_DOMAINS, c->arena, &st, &err))
        return ctl_queue_failed(&err);
    if (c->json) {
        top_json(&st);
        return CTL_OK;
    }
    buf_printf(&text,
               "%llu messages to %llu recipients in %llu domains; jobs: %llu active, %llu ready, "
               "%llu waiting, %llu held\n",
               (unsigned long long)st.messages, (unsigned long long)st.recipients,
               (unsigned long long)st.domains, (unsigned long long)st.active,
               (unsigned long long)st.ready, (unsigned long long)st.waiting,
               (unsigned long long)st.held);
    for (size_t i = 0; i < QUEUE_AGES; i++)
        if (st.age[i] > 0)
            buf_printf(&text, "%10s  %llu\n", age_word[i], (unsigned long long)st.age[i]);
    put_top(c, &st, &text);
    ctl_print(&text);
    buf_free(&text);
    return CTL_OK;
}
