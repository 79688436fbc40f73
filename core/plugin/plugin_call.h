/* plugin_call.h - one running callback (struct fct_call) and the transaction it works in.
 *
 * A transaction is one request to a filter process: a hook of the dialogue, or a message from
 * `headers` to `deliver`. Its calls share the message, the symbols and the edits. core/hook makes
 * both; the functions of struct fct_host work on them. */
#ifndef CORE_PLUGIN_PLUGIN_CALL_H
#define CORE_PLUGIN_PLUGIN_CALL_H

#include "core/message/mime.h"
#include "core/plugin/edit_log.h"
#include "core/plugin/plugin_load.h"

/* ---- the message, looked at only as far as somebody asks ---- */

struct call_links;
struct call_text;
struct link_limits;

/* Where lines of a part begin, for whoever patches it (core/message/transfer.h). */
struct part_lines {
    struct transfer_line *line;
    size_t n;
};

struct call_message {
    struct fct_str bytes; /* the original; immutable */
    const struct header_limits *header_limits;
    const struct mime_limits *mime_limits;
    bool has_headers, has_parts;
    struct header_list headers;
    struct fct_str *header_text; /* per field; .p is NULL until asked for */
    struct mime_tree tree;
    struct fct_part *part; /* what plugins see of tree.part */
    struct fct_str *part_bytes, *part_text;
    struct part_lines *part_lines; /* of part_bytes */
    unsigned char *protected;      /* per part: edits are refused, see plugin_edit.c */
    struct call_links *links;      /* plugin_links.c */
    struct call_text *text;        /* plugin_text.c */
};

/* ---- what calls leave behind ---- */

struct symbol_hit {
    const struct plugin_symbol *symbol;
    int32_t score_milli; /* the symbol's own weight times factor */
    double factor;
    struct symbol_hit *next;
};

/* One line for the ledger, written down by a host function; the call's owner and time are known
 * when it ends. */
struct call_note {
    enum note_kind {
        NOTE_SYMBOL,
        NOTE_EDIT,
        NOTE_DELIVER,
        NOTE_FORCE,
        NOTE_CHANGE,
        NOTE_FAULT,
        NOTE_PERSONAL /* a symbol for one account: its ledger's, not the message's */
    } kind;
    const char *name;
    struct fct_str detail;
    uint32_t more; /* so many like it, which are only counted */
    int32_t score_milli;
    const struct plugin_symbol *symbol; /* NOTE_SYMBOL, NOTE_PERSONAL */
    struct personal_hit *personal;      /* NOTE_PERSONAL */
    struct call_note *next;
};

/* The action that a plugin forced; the strongest wish so far. */
struct call_force {
    bool any;
    enum fct_action action;
    uint32_t rank;
    struct fct_str by, why;
};

/* set(): in the order of the plan; the names of lists come several times. */
struct call_change {
    const char *name;
    struct fct_str value;
    struct call_change *next;
};

/* Where `deliver` puts its results for one recipient. */
struct call_recipient {
    struct fct_str mailbox;
    struct fct_str *keyword;
    size_t nkeywords;
    struct edit_log edits;
    struct fct_list setting; /* of the account, "name=value" */
};

struct call_person;    /* plugin_personal.h: one who will get the message */
struct call_fact;      /* plugin_facts.c: what plugins leave for each other */
struct call_addresses; /* the same file: an address field that was read */
struct call_task;      /* plugin_wait.c: a fiber that start() began */
struct call_wait;      /* plugin_wait.c: a fiber in wait_all() */
struct transaction;
struct call_watch {
    void (*enter)(struct fct_call *call); /* the callback is on the processor from now on */
    void (*leave)(struct fct_call *call); /* it waits or has ended */
    /* work(arg) on a pool thread, its faults charged to the call; NULL: fiber.h's offload(). */
    void (*offload)(struct fct_call *call, void (*work)(void *arg), void *arg);
};

/* Questions to the DNS, all plugins of a transaction together (plugin_dns.c). */
struct dns_budget {
    uint32_t asked;
    unsigned waiting;
    uint64_t since_ms, used_ms; /* since: the first of those that wait */
};

struct transaction {
    struct arena *arena;
    struct dns_budget dns;
    const struct fct_conn *conn;
    const struct fct_envelope *envelope;
    struct fct_str id; /* of the message, else of the connection: what the log says */
    struct fct_str server_name;
    const struct plugin_set *set;
    const struct call_watch *watch;
    void **(*slot)(struct transaction *tx,
                   const struct fct_self *self); /* may be NULL: no connection state */
    void *owner;                                 /* of slot */
    struct call_message *message;                /* NULL before `headers` */
    uint64_t *memory_used;                       /* bytes per plugin */
    struct symbol_hit *hit;
    size_t hits;
    struct symbol_hit *shadow_hit; /* found by rows that only try: no live row sees them */
    struct edit_log edits, shadow_edits;
    struct call_person *person; /* the recipients, in their order */
    size_t persons;
    struct call_fact *fact;
    struct call_addresses *addresses;
    struct call_force forced;
    bool without_shadows;       /* a filter died over this request: nothing is tried this time */
    uint32_t max_tasks;         /* fibers that one call may have beside its own */
    bool degraded;              /* a service was away and the ledger says so */
    bool each_answered;         /* every recipient gets a reply of its own (LMTP, PRDR) */
    struct ledger_log *earlier; /* core/hook/carried.h: what earlier points left; may be NULL */
    /* What set() changed at the point that runs, or ran last. */
    struct call_change *change, *last_change;
    size_t changes, change_bytes;
};

struct fct_call {
    struct transaction *tx;
    struct plugin_row *row;
    enum fct_hook hook;
    bool live;   /* false: over, every host function fails */
    bool shadow; /* only tries: notes for the ledger, no effect */
    uint64_t deadline_ms;
    uint64_t begun_us, entered_us, left_us, busy_us;
    unsigned code; /* reply(), used should the verdict win */
    struct fct_str enhanced, text;
    struct call_note *note, **note_end;
    struct call_note *patch;          /* the last patch of a part that has a note */
    uint32_t patches;                 /* of parts */
    struct call_recipient *recipient; /* at deliver */
    struct call_task *task;           /* what start() began */
    struct call_wait *waiting;
    uint32_t tasks, birth; /* birth: tells the calls apart that lived in this place */
    struct fct_call *next; /* in the pool */
};

/* Calls come from a pool that is never given back to the system: a plugin that keeps one too long
 * finds it dead, not freed. */
struct fct_call *call_begin(struct transaction *tx, struct plugin_row *row, uint64_t deadline_ms,
                            struct call_recipient *recipient);
/* Dead from now on: call->note and the reply may still be read until call_release. */
void call_end(struct fct_call *call);
void call_release(struct fct_call *call);
/* False when the call is over, its deadline has passed or its fiber was cancelled. Looks at the
 * clock. */
bool call_has_time(struct fct_call *call);
/* Where edits of this call go: to its recipient, to the message, or, of a shadow, nowhere. */
static inline struct edit_log *call_edits(struct fct_call *call)
{
    if (call->shadow)
        return &call->tx->shadow_edits;
    return call->recipient ? &call->recipient->edits : &call->tx->edits;
}
/* What a callback made others do, for its plugin's figures. */
static inline void call_operation(struct fct_call *call, enum plugin_operation what, uint64_t bytes)
{
    call->row->counts.operation[what]++;
    call->row->counts.bytes += bytes;
}
struct call_note *call_note(struct fct_call *call, enum note_kind kind, const char *name,
                            struct fct_str detail, int32_t score_milli);

#endif
