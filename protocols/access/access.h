/* access.h - how a session that reads mail (IMAP, POP3) asks the filters and tells them.
 *
 * Embedded in the session; holds nothing that the session does not have already, so a point that
 * nobody registered costs one look at a mask. */
#ifndef PROTOCOLS_ACCESS_ACCESS_H
#define PROTOCOLS_ACCESS_ACCESS_H

#include "core/base/id.h"
#include "protocols/edge.h"

struct access {
    struct edge_session *edge;
    struct stream *stream;
    const struct id *id;
    const char *protocol;  /* "imap", "pop3" */
    const char *login;     /* the account; NULL before login */
    const char *mechanism; /* of the login; NULL before */
    uint64_t opened;       /* clock_ms() */
    bool trusted;          /* ACCEPT at connect */
    uint32_t added;        /* messages added by this connection */
    char *carried;         /* see struct filter_context; NULL: nothing */
    size_t ncarried;
};

void access_start(struct access *a, struct edge_session *edge, struct stream *stream,
                  const struct id *id, const char *protocol);
/* Tells `logout` and `disconnect`; frees what it keeps. */
void access_end(struct access *a);

static inline bool access_wants(const struct access *a, enum fct_hook hook)
{
    const struct edge_listener *l = a->edge->listener;

    return filter_wants(l->edge->filter, hook, l->role);
}

/* What every hook of this connection sees: views of the session. */
struct filter_context access_context(const struct access *a);

/* `ev` is the point's struct fct_ev_*. NEXT and ACCEPT: go on. Anything else: do not; *answer has
 * the text. NEXT without asking when nobody registered the point. */
FCT_MAY_WAIT enum fct_verdict access_ask(struct access *a, enum fct_hook hook, const void *ev,
                                         struct arena *arena, struct filter_answer *answer);
/* The same with a message that can be read. */
FCT_MAY_WAIT enum fct_verdict access_ask_message(struct access *a, enum fct_hook hook,
                                                 const void *ev, int fd, uint64_t size,
                                                 struct arena *arena, struct filter_answer *answer);
void access_tell(const struct access *a, enum fct_hook hook, const void *ev);
static inline bool access_goes_on(enum fct_verdict v)
{
    return v == FCT_NEXT || v == FCT_ACCEPT;
}
/* The text for the client: the plugin's, else `otherwise`; printable ASCII. */
struct fct_str access_text(const struct filter_answer *answer, const char *otherwise,
                           struct arena *arena);

/* ---- the points that IMAP and POP3 meet in the same way ---- */

/* connect, and tls when there is TLS already: before the greeting. *banner: text instead of ours,
 * or empty. */
FCT_MAY_WAIT enum fct_verdict access_connect(struct access *a, bool implicit_tls,
                                             struct arena *arena, struct filter_answer *answer,
                                             struct fct_str *banner);
/* Behind STARTTLS. */
FCT_MAY_WAIT enum fct_verdict access_tls(struct access *a, struct arena *arena,
                                         struct filter_answer *answer);

/* The password was right: auth, perhaps another account, login. p is closed unless the verdict lets
 * it go on. *alert: text for the person, or empty. */
struct access_login {
    const char *mechanism;
    struct fct_str client; /* what it says it is, or empty */
    struct filter_answer answer;
    struct fct_str alert;
};
FCT_MAY_WAIT enum fct_verdict access_login(struct access *a, struct store_principal *p,
                                           struct access_login *login, struct arena *arena);

/* ---- texts of events ---- */

/* "1,3:5". A set too long for an event is widened at its end: it names all messages, and others. */
struct fct_str access_uids(struct uid_set uids, struct arena *arena);
struct fct_str access_uid_list(const uint32_t *uid, size_t n, struct arena *arena);

#endif
