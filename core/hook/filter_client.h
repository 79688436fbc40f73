/* filter_client.h - how edge (and facteurctl scan) asks the filter processes. Hooks nobody
 * registered cost nothing: the mask is known.
 *
 * A filter that dies over a request: the request is repeated once in a fresh filter. A second
 * death: for a message the result says `quarantined` (deliver it unfiltered into Quarantine); for
 * another hook the answer is TEMPFAIL. The client's connection never notices. */
#ifndef CORE_HOOK_FILTER_CLIENT_H
#define CORE_HOOK_FILTER_CLIENT_H

#include "core/hook/filter_conf.h"
#include "core/hook/history_entry.h"
#include "core/hook/ledger.h"
#include "core/message/edit_list.h"
#include "core/supervisor/role.h"

struct filter_client;

struct filter_client *filter_client_new(struct role_env *env);
void filter_client_free(struct filter_client **fc);
void filter_client_peer(struct filter_client *fc, unsigned index,
                        int fd); /* takes fd; from role.peer */
/* Has anybody registered this point for this listener role (FCT_ROLE_*)? Before the first filter
 * said so: true. */
bool filter_wants(const struct filter_client *fc, enum fct_hook hook, uint32_t role);
/* Can anybody who registered it answer with a verdict? (A milter needs no reply where nobody can.)
 */
bool filter_decides(const struct filter_client *fc, enum fct_hook hook, uint32_t role);
/* FCT_MAY_* of all rows of this role: what edits there can be. */
uint32_t filter_may(const struct filter_client *fc, uint32_t role);
/* Waits for the first filter to say what it wants; false when `deadline_ms` passed before. */
FCT_MAY_WAIT bool filter_ready(struct filter_client *fc, uint64_t deadline_ms);

/* What every request carries, so that a fresh filter knows as much as the dead one. */
struct filter_context {
    struct fct_conn conn;
    struct fct_envelope envelope;
    /* What filters want to hear again: symbols found at earlier points, opaque to the asker. Empty
     * at first; each answer that has one replaces it. Points up to `auth` belong to the connection:
     * a new transaction begins with what they left. */
    struct fct_str carried;
    /* Every recipient gets a reply of its own after the data: LMTP (known by the listener's role),
     * and SMTP where the client asked for PRDR. Otherwise nobody is refused while others keep the
     * message: see `shared` of the profile. */
    bool each_answered;
};

/* A callback changed what its point offers (CHANGE rows of hooks.def); checked by the codec. */
struct filter_change {
    struct fct_str name, value;
};

struct filter_answer {
    enum fct_verdict verdict;
    unsigned code;                 /* 0: the protocol's default for the verdict */
    struct fct_str enhanced, text; /* may be empty */
    struct fct_str by;             /* who decided */
    const struct filter_change *change;
    size_t changes;
    struct fct_str carried; /* for the context from now on; empty: as before */
    bool skip;              /* chunk: nobody needs another piece of this message */
    struct edit_list edits; /* queue.in: of the message that came along */
};

/* The nth change of that name; false: there is none. */
bool filter_changed(const struct filter_answer *answer, const char *name, size_t nth,
                    struct fct_str *value);

/* One hook of the dialogue (connect … data). `ev` is that point's struct fct_ev_*. Never fails:
 * trouble becomes a verdict by the policies of conf.d. Strings live in the arena. */
FCT_MAY_WAIT void filter_hook(struct filter_client *fc, const struct filter_context *ctx,
                              enum fct_hook hook, const void *ev, struct arena *arena,
                              struct filter_answer *answer);
/* The same where a message can be read: store.append, queue.in. `fd` as for filter_message. */
FCT_MAY_WAIT void filter_hook_message(struct filter_client *fc, const struct filter_context *ctx,
                                      enum fct_hook hook, const void *ev, int fd, uint64_t size,
                                      struct arena *arena, struct filter_answer *answer);
/* For OBSERVE hooks: told, not waited for. fd -1: without a message; else it is duplicated (learn).
 */
void filter_tell_message(struct filter_client *fc, const struct filter_context *ctx,
                         enum fct_hook hook, const void *ev, int fd, uint64_t size);
/* For OBSERVE hooks: told, not waited for. */
void filter_tell(struct filter_client *fc, const struct filter_context *ctx, enum fct_hook hook,
                 const void *ev);

struct filter_recipient {
    /* No account: it is not ours to deliver (a milter's), and `deliver` is not asked. */
    struct fct_str recipient, account, detail;
    struct fct_str profile;  /* asked for at rcpt, or empty: chosen by the profiles' `match` */
    struct fct_list setting; /* of the account, "name=value" */
};
struct filter_outcome {          /* per recipient */
    struct filter_answer answer; /* NEXT: deliver */
    struct fct_str mailbox;      /* empty: INBOX */
    const struct fct_str *keyword;
    size_t nkeywords;
    struct edit_list edits; /* complete for this recipient: the common ones and its own */
    struct fct_str ledger;  /* encoded */
    struct fct_str profile; /* that judged */
    int32_t score_milli;    /* by this profile */
    enum fct_action action; /* already turned into answer and mailbox */
};
struct filter_result {
    /* For the message. NEXT: look at the outcomes. QUARANTINE: the same, each outcome says so as
     * well and names the mailbox Quarantine. Stronger verdicts: nobody gets it, there are no
     * outcomes. */
    struct filter_answer answer;
    bool quarantined;      /* two filters died: outcomes are empty edits, mailbox Quarantine */
    struct fct_str ledger; /* encoded; of the message, without deliver */
    int32_t score_milli;
    /* Of the first recipient, for the history; not sent to who asked. */
    struct fct_str profile;
    enum fct_action action;
    struct filter_outcome *outcome; /* one per recipient, same order */
    size_t outcomes;
    struct edit_list edits; /* the common ones: for whom `edit` adds */
    /* Of `edit`: reverse_path, add_recipient, remove_recipient. */
    const struct filter_change *change;
    size_t changes;
};

/* headers, scan, verdict, edit, deliver. `fd` is a sealed memfd or a read-only file of `size`
 * bytes: the message with our Received line. Never fails (see above). When nobody hooks any of
 * these points, answers without asking. */
FCT_MAY_WAIT void filter_message(struct filter_client *fc, const struct filter_context *ctx, int fd,
                                 uint64_t size, const struct filter_recipient *recipient, size_t n,
                                 struct arena *arena, struct filter_result *result);

/* Entries of the history that match, newest first, from *cursor on (empty: from the newest; it
 * moves, and is empty again behind the last). *stream: they come from Redis. `local`: from memory
 * only. */
FCT_MAY_WAIT FCT_MUST_CHECK bool filter_history(struct filter_client *fc,
                                                const struct history_query *query, bool local,
                                                struct arena *arena, struct fct_str *cursor,
                                                const struct history_entry **out, size_t *n,
                                                bool *stream, struct fct_err *err);

enum filter_format { FILTER_TEXT, FILTER_JSON, FILTER_METRICS };
/* What the filters say of themselves: plan, plugins, what they did. JSON: an array with an object
 * per filter; METRICS: samples in Prometheus' text format. */
FCT_MAY_WAIT FCT_MUST_CHECK bool filter_describe(struct filter_client *fc,
                                                 enum filter_format format, struct buf *out,
                                                 struct fct_err *err);

#endif
