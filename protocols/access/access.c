/* access.c - see access.h. */
#include "protocols/access/access.h"

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/log/log.h"

#include <stdlib.h>

static struct edge *edge_of(const struct access *a)
{
    return a->edge->listener->edge;
}

void access_start(struct access *a, struct edge_session *edge, struct stream *stream,
                  const struct id *id, const char *protocol)
{
    *a = (struct access){
        .edge = edge, .stream = stream, .id = id, .protocol = protocol, .opened = clock_ms()};
}

void access_end(struct access *a)
{
    const struct fct_ev_logout logout = {
        .account = str_from(a->login ? a->login : ""),
        .protocol = str_from(a->protocol),
        .bytes_in = stream_bytes_in(a->stream),
        .bytes_out = stream_bytes_out(a->stream),
        .seconds = (clock_ms() - a->opened) / 1000,
    };
    const struct fct_ev_disconnect disconnect = {.messages = a->added, .bytes_in = logout.bytes_in};

    access_tell(a, FCT_HOOK_logout, &logout);
    access_tell(a, FCT_HOOK_disconnect, &disconnect);
    free(a->carried);
    a->carried = NULL;
}

/* ---- asking ---- */

struct filter_context access_context(const struct access *a)
{
    const struct stream_address *peer = stream_peer(a->stream), *local = stream_local(a->stream);

    return (struct filter_context){
        .conn =
            {
                .size = sizeof(struct fct_conn),
                .role = a->edge->listener->role,
                .id = str_from(a->id->text),
                .client_ip = str_from(peer->text),
                .local_ip = str_from(local->text),
                .client_port = peer->port,
                .local_port = local->port,
                .tls_version = str_from(stream_tls_version(a->stream)),
                .tls_cipher = str_from(stream_tls_cipher(a->stream)),
                .login = str_from(a->login ? a->login : ""),
                .trusted = a->trusted,
                .frontend = str_from(a->protocol),
                .tls_server_name = str_from(stream_tls_server_name(a->stream)),
                .auth_mechanism = str_from(a->mechanism ? a->mechanism : ""),
            },
        .envelope = {.size = sizeof(struct fct_envelope)},
        .carried = {a->carried, a->ncarried},
    };
}

static void keep_carried(struct access *a, struct fct_str carried)
{
    if (carried.n == 0)
        return;
    free(a->carried);
    a->carried = str_dup_c(carried);
    memcpy(a->carried, carried.p, carried.n); /* it may hold NULs */
    a->ncarried = carried.n;
}

static void note(const struct access *a, enum fct_hook hook, const struct filter_answer *answer)
{
    if (!access_goes_on(answer->verdict))
        log_event(EV_COMMAND_REFUSED, str_from(a->id->text), F_C("hook", hook_name(hook)),
                  F_C("verdict", verdict_name(answer->verdict)), F_STR("by", answer->by),
                  F_STR("why", answer->text));
}

enum fct_verdict access_ask(struct access *a, enum fct_hook hook, const void *ev,
                            struct arena *arena, struct filter_answer *answer)
{
    struct filter_context context;

    *answer = (struct filter_answer){.verdict = FCT_NEXT};
    if (!access_wants(a, hook))
        return FCT_NEXT;
    context = access_context(a);
    filter_hook(edge_of(a)->filter, &context, hook, ev, arena, answer);
    keep_carried(a, answer->carried);
    note(a, hook, answer);
    return answer->verdict;
}

enum fct_verdict access_ask_message(struct access *a, enum fct_hook hook, const void *ev, int fd,
                                    uint64_t size, struct arena *arena,
                                    struct filter_answer *answer)
{
    struct filter_context context;

    *answer = (struct filter_answer){.verdict = FCT_NEXT};
    if (!access_wants(a, hook))
        return FCT_NEXT;
    context = access_context(a);
    filter_hook_message(edge_of(a)->filter, &context, hook, ev, fd, size, arena, answer);
    keep_carried(a, answer->carried);
    note(a, hook, answer);
    return answer->verdict;
}

void access_tell(const struct access *a, enum fct_hook hook, const void *ev)
{
    struct filter_context context;

    if (!access_wants(a, hook))
        return;
    context = access_context(a);
    filter_tell(edge_of(a)->filter, &context, hook, ev);
}

struct fct_str access_text(const struct filter_answer *answer, const char *otherwise,
                           struct arena *arena)
{
    struct fct_str text = answer->text.n > 0 ? answer->text : str_from(otherwise);
    char *safe = arena_alloc(arena, text.n + 1);

    for (size_t i = 0; i < text.n; i++)
        safe[i] = text.p[i] >= ' ' && text.p[i] < 0x7f ? text.p[i] : '?';
    safe[text.n] = 0;
    return (struct fct_str){safe, text.n};
}

/* ---- the beginning of a connection ---- */

enum fct_verdict access_tls(struct access *a, struct arena *arena, struct filter_answer *answer)
{
    const struct fct_ev_tls ev = {
        .version = str_from(stream_tls_version(a->stream)),
        .cipher = str_from(stream_tls_cipher(a->stream)),
        .server_name = str_from(stream_tls_server_name(a->stream)),
    };

    return access_ask(a, FCT_HOOK_tls, &ev, arena, answer);
}

enum fct_verdict access_connect(struct access *a, bool implicit_tls, struct arena *arena,
                                struct filter_answer *answer, struct fct_str *banner)
{
    const struct fct_ev_connect ev = {.implicit_tls = implicit_tls};
    struct filter_answer before;
    enum fct_verdict verdict = access_ask(a, FCT_HOOK_connect, &ev, arena, answer);

    *banner = (struct fct_str){0};
    if (!access_goes_on(verdict))
        return verdict;
    a->trusted = verdict == FCT_ACCEPT;
    before = *answer;
    if (filter_changed(&before, "banner", 0, banner))
        *banner = access_text(&(struct filter_answer){.text = *banner}, "", arena);
    return stream_has_tls(a->stream) ? access_tls(a, arena, answer) : FCT_NEXT;
}

/* ---- login ---- */

static enum fct_verdict refused(struct access *a, struct filter_answer *answer,
                                enum fct_verdict verdict, const struct fct_err *why)
{
    log_event(EV_WARNING, str_from(a->id->text), F_C("hook", "auth"), F_C("text", why->text));
    *answer = (struct filter_answer){.verdict = verdict};
    return verdict;
}

static FCT_MAY_WAIT enum fct_verdict ask_auth(struct access *a, struct store_principal *p,
                                              struct access_login *login, struct arena *arena)
{
    const struct fct_ev_auth ev = {
        .mechanism = str_from(login->mechanism),
        .user = p->name,
        .protocol = str_from(a->protocol),
    };
    enum fct_verdict verdict = access_ask(a, FCT_HOOK_auth, &ev, arena, &login->answer);
    struct fct_str other;
    struct fct_err err = {0};

    if (!access_goes_on(verdict) || !filter_changed(&login->answer, "user", 0, &other) ||
        str_equal(other, p->name) || store_login_as(edge_of(a)->store, p, other, arena, &err))
        return verdict;
    return refused(a, &login->answer, err.class == FCT_TEMP ? FCT_TEMPFAIL : FCT_REJECT, &err);
}

enum fct_verdict access_login(struct access *a, struct store_principal *p,
                              struct access_login *login, struct arena *arena)
{
    struct fct_ev_login ev = {.protocol = str_from(a->protocol), .client = login->client};
    enum fct_verdict verdict = ask_auth(a, p, login, arena);

    login->alert = (struct fct_str){0};
    if (access_goes_on(verdict)) {
        ev.account = p->name;
        a->mechanism = login->mechanism;
        verdict = access_ask(a, FCT_HOOK_login, &ev, arena, &login->answer);
    }
    if (!access_goes_on(verdict)) {
        a->mechanism = NULL;
        store_logout(edge_of(a)->store, p);
    } else if (filter_changed(&login->answer, "alert", 0, &login->alert)) {
        login->alert = access_text(&(struct filter_answer){.text = login->alert}, "", arena);
    }
    return verdict;
}

/* ---- texts ---- */

#define SET_MAX (512u << 10) /* bytes of a sequence set in an event */

static void put_range(struct buf *out, struct uid_range r)
{
    if (out->n > 0)
        buf_put_char(out, ',');
    buf_put_u64(out, r.first);
    if (r.last != r.first) {
        buf_put_char(out, ':');
        buf_put_u64(out, r.last);
    }
}

struct fct_str access_uids(struct uid_set uids, struct arena *arena)
{
    FCT_CLEANUP(buf_free) struct buf out = BUF_INIT(SET_MAX + 64);

    for (size_t i = 0; i < uids.n; i++) {
        struct uid_range r = uids.range[i];

        if (out.n > SET_MAX) {
            r.last = uids.range[uids.n - 1].last;
            put_range(&out, r);
            break;
        }
        put_range(&out, r);
    }
    return arena_str(arena, buf_str(&out));
}

struct fct_str access_uid_list(const uint32_t *uid, size_t n, struct arena *arena)
{
    struct uid_range *range = ARENA_ARRAY(arena, struct uid_range, n + 1);
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        if (count > 0 && range[count - 1].last + 1 == uid[i])
            range[count - 1].last = uid[i];
        else
            range[count++] = (struct uid_range){uid[i], uid[i]};
    }
    return access_uids((struct uid_set){range, count}, arena);
}
