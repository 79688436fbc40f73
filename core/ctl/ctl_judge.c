/* ctl_judge.c - see ctl_judge.h. */
#include "core/ctl/ctl_judge.h"

#include "core/base/str.h"

#include <sys/mman.h>

#define PIECE 65536u /* of `chunk`, see hooks.def */

/* ---- one point ---- */

static bool ends_it(enum fct_verdict verdict)
{
    return verdict == FCT_REJECT || verdict == FCT_TEMPFAIL || verdict == FCT_DISCONNECT;
}

/* False: this answer refuses what was asked. */
static FCT_MAY_WAIT bool step(struct judge *j, enum fct_hook hook, const void *ev, size_t recipient,
                              struct filter_answer *answer)
{
    struct judge_step *s;

    *answer = (struct filter_answer){.verdict = FCT_NEXT};
    if (!filter_wants(j->filter, hook, j->context.conn.role))
        return true;
    filter_hook(j->filter, &j->context, hook, ev, j->arena, answer);
    if (answer->carried.n > 0)
        j->context.carried = answer->carried;
    if (answer->verdict != FCT_NEXT || answer->changes > 0) {
        s = ARENA_NEW(j->arena, struct judge_step);
        *s = (struct judge_step){.hook = hook, .recipient = recipient, .answer = *answer};
        *j->step_end = s;
        j->step_end = &s->next;
    }
    return !ends_it(answer->verdict);
}

/* A point that speaks for the whole transaction. */
static FCT_MAY_WAIT bool point(struct judge *j, enum fct_hook hook, const void *ev,
                               struct filter_answer *answer)
{
    j->decided = !step(j, hook, ev, 0, answer);
    return !j->decided;
}

/* ---- the connection ---- */

static FCT_MAY_WAIT bool connection(struct judge *j)
{
    struct fct_conn *conn = &j->context.conn;
    struct fct_str helo = conn->helo, version = conn->tls_version, login = conn->login;
    struct filter_answer a;

    conn->helo = conn->tls_version = conn->login = FCT_STR("");
    if (!point(j, FCT_HOOK_connect, &(struct fct_ev_connect){.implicit_tls = false}, &a))
        return false;
    conn->trusted = a.verdict == FCT_ACCEPT;
    conn->tls_version = version;
    if (version.n > 0 && !point(j, FCT_HOOK_tls,
                                &(struct fct_ev_tls){.version = version,
                                                     .cipher = conn->tls_cipher,
                                                     .server_name = conn->tls_server_name},
                                &a))
        return false;
    conn->helo = helo;
    if (!point(j, FCT_HOOK_helo, &(struct fct_ev_helo){.name = helo, .extended = true}, &a))
        return false;
    conn->login = login;
    if (login.n == 0)
        return true;
    if (!point(j, FCT_HOOK_auth,
               &(struct fct_ev_auth){
                   .mechanism = conn->auth_mechanism, .user = login, .protocol = FCT_STR("smtp")},
               &a))
        return false;
    (void)filter_changed(&a, "user", 0, &conn->login);
    return true;
}

/* ---- the envelope ---- */

static void add_recipient(struct judge *j, const struct filter_recipient *like,
                          struct fct_str account)
{
    ptrdiff_t at = str_find_char(account, '@'), plus = str_find_char(account, '+');
    struct filter_recipient *r;

    if (j->recipients == j->room) {
        size_t room = j->room ? 2 * j->room : 4;

        j->recipient = arena_grow(j->arena, j->recipient, j->room * sizeof *j->recipient,
                                  room * sizeof *j->recipient);
        j->room = room;
    }
    r = &j->recipient[j->recipients++];
    *r = *like;
    r->account = account;
    if (plus < 0 || at < plus)
        return;
    r->detail = str_head(str_skip(account, (size_t)plus + 1), (size_t)(at - plus - 1));
    r->account = arena_printf(j->arena, "%.*s%.*s", (int)plus, account.p,
                              FCT_FMT(str_skip(account, (size_t)at)));
}

/* One level: the targets are not asked about again. */
static void add_targets(struct judge *j, const struct filter_recipient *r,
                        const struct filter_answer *resolved)
{
    struct fct_str target;
    size_t n = 0;

    for (; filter_changed(resolved, "target", n, &target); n++)
        add_recipient(j, r, target);
    if (n == 0)
        add_recipient(j, r, r->account.n > 0 ? r->account : r->recipient);
}

static FCT_MAY_WAIT bool resolve(struct judge *j, const struct filter_recipient *r, size_t i,
                                 struct filter_answer *answer)
{
    return step(j, FCT_HOOK_resolve, &(struct fct_ev_resolve){.recipient = r->recipient}, i,
                answer);
}

/* False: this recipient is refused. */
static FCT_MAY_WAIT bool recipient(struct judge *j, size_t i, struct fct_str *accepted, size_t n)
{
    struct filter_recipient r = j->wanted[i];
    struct filter_answer resolved, answer;
    struct fct_str profile;

    if (!resolve(j, &r, i, &resolved) ||
        !step(j, FCT_HOOK_rcpt, &(struct fct_ev_rcpt){.recipient = r.recipient, .accepted = n}, i,
              &answer))
        return false;
    if (filter_changed(&answer, "profile", 0, &profile) && r.profile.n == 0)
        r.profile = profile;
    if (filter_changed(&answer, "recipient", 0, &r.recipient)) {
        r.account = (struct fct_str){0};
        if (!resolve(j, &r, i, &resolved))
            return false;
    }
    accepted[n] = r.recipient;
    add_targets(j, &r, &resolved);
    return true;
}

/* As a server does: who is refused is left out, and without anybody left there is no message. */
static FCT_MAY_WAIT bool envelope(struct judge *j)
{
    struct fct_envelope *e = &j->context.envelope;
    struct fct_str *accepted = ARENA_ARRAY(j->arena, struct fct_str, j->nwanted + 1);
    struct filter_answer a;

    e->recipient = accepted;
    e->recipients = 0;
    if (!point(j, FCT_HOOK_mail,
               &(struct fct_ev_mail){
                   .reverse_path = e->reverse_path, .size = j->size, .body = e->body},
               &a))
        return false;
    (void)filter_changed(&a, "reverse_path", 0, &e->reverse_path);
    for (size_t i = 0; i < j->nwanted; i++)
        if (recipient(j, i, accepted, e->recipients))
            e->recipients++;
    j->decided = e->recipients == 0;
    return !j->decided &&
           point(j, FCT_HOOK_data, &(struct fct_ev_data){.recipients = e->recipients}, &a);
}

/* ---- the message ---- */

static FCT_MAY_WAIT bool chunks(struct judge *j)
{
    struct filter_answer a = {0};
    const char *bytes;

    if (j->size == 0 || !filter_wants(j->filter, FCT_HOOK_chunk, j->context.conn.role))
        return true;
    bytes = mmap(NULL, (size_t)j->size, PROT_READ, MAP_PRIVATE, j->fd, 0);
    if (bytes == MAP_FAILED)
        return true;
    for (uint64_t at = 0; at < j->size && !a.skip && !j->decided; at += PIECE)
        (void)point(
            j, FCT_HOOK_chunk,
            &(struct fct_ev_chunk){
                .bytes = {bytes + at, (size_t)(j->size - at < PIECE ? j->size - at : PIECE)},
                .offset = at},
            &a);
    (void)munmap((void *)(uintptr_t)bytes, (size_t)j->size);
    return !j->decided;
}

void judge_run(struct judge *j)
{
    j->step_end = &j->step;
    if (connection(j) && envelope(j) && chunks(j))
        filter_message(j->filter, &j->context, j->fd, j->size, j->recipient, j->recipients,
                       j->arena, &j->result);
}

struct fct_str judge_ledger(const struct judge *j, size_t recipient)
{
    const struct filter_result *r = &j->result;

    return recipient < r->outcomes && r->outcome[recipient].ledger.n > 0
               ? r->outcome[recipient].ledger
               : r->ledger;
}

/* ---- in one word ---- */

const char *const judge_fate_name[] = {[JUDGE_KEEP] = "keep",
                                       [JUDGE_JUNK] = "junk",
                                       [JUDGE_REJECT] = "reject",
                                       [JUDGE_TEMPFAIL] = "tempfail"};

static enum judge_fate of_answer(enum fct_verdict verdict)
{
    switch (verdict) {
    case FCT_REJECT:
    case FCT_DISCONNECT:
        return JUDGE_REJECT;
    case FCT_TEMPFAIL:
        return JUDGE_TEMPFAIL;
    case FCT_QUARANTINE:
    case FCT_DISCARD:
        return JUDGE_JUNK;
    case FCT_NEXT:
    case FCT_ACCEPT:
    case FCT_SKIP:
        break;
    }
    return JUDGE_KEEP;
}

static enum judge_fate of_outcome(const struct filter_outcome *o)
{
    if (of_answer(o->answer.verdict) != JUDGE_KEEP)
        return of_answer(o->answer.verdict);
    return str_equal_nocase(o->mailbox, FCT_STR("Junk")) ||
                   str_equal_nocase(o->mailbox, FCT_STR("Quarantine"))
               ? JUDGE_JUNK
               : JUDGE_KEEP;
}

enum judge_fate judge_fate(const struct judge *j)
{
    enum judge_fate fate = JUDGE_KEEP;

    for (const struct judge_step *s = j->step; s && fate == JUDGE_KEEP; s = s->next)
        if (s->recipient == 0 || j->decided)
            fate = of_answer(s->answer.verdict);
    if (fate == JUDGE_KEEP && j->result.quarantined)
        fate = JUDGE_JUNK;
    if (fate == JUDGE_KEEP)
        fate = of_answer(j->result.answer.verdict);
    if (fate == JUDGE_KEEP && j->result.outcomes > 0)
        fate = of_outcome(&j->result.outcome[0]);
    return fate;
}
