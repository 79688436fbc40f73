/* plugin.h - the whole C plugin ABI. A plugin includes this and nothing else of ours, links to
 * nothing of ours and exports exactly one symbol, `const struct fct_plugin fct_plugin`.
 *
 * Rules that keep an old plugin loading in a newer server: every struct that crosses the border
 * starts with its size or is only ever read through FCT_HAS; tables only grow at the end; numbers
 * are never reused; server objects are opaque.
 *
 * Where a plugin runs: in a filter process, without data directory, keys or passwords, one fiber
 * per call. A callback reads from top to bottom and simply waits where the host offers to wait
 * (FCT_MAY_WAIT); there are no continuations.
 *
 * Change log: 1.0 first version. */
#ifndef FACTEUR_PLUGIN_H
#define FACTEUR_PLUGIN_H

#include <facteur/base.h>
#include <facteur/conf.h>

#define FCT_ABI_MAJOR 1 /* a meaning changed: older plugins are refused */
#define FCT_ABI_MINOR 0 /* something was appended: older plugins still load */

/* True when the other side's struct, of `(t)->size` bytes, is new enough to have `member`. */
#define FCT_HAS(t, member) ((t)->size >= offsetof(__typeof__(*(t)), member) + sizeof((t)->member))

/* ---- verdicts ---- */

/* In rising strength: the strongest verdict of a hook point wins, its plugin's reply text is used.
 * ACCEPT ends the chain of that point. */
enum fct_verdict {
    FCT_NEXT = 0,
    FCT_ACCEPT = 1,
    FCT_QUARANTINE = 2,
    FCT_DISCARD = 3,
    FCT_TEMPFAIL = 4,
    FCT_REJECT = 5,
    FCT_DISCONNECT = 6,
};
#define FCT_V_ACCEPT     (1u << FCT_ACCEPT)
#define FCT_V_QUARANTINE (1u << FCT_QUARANTINE)
#define FCT_V_DISCARD    (1u << FCT_DISCARD)
#define FCT_V_TEMPFAIL   (1u << FCT_TEMPFAIL)
#define FCT_V_REJECT     (1u << FCT_REJECT)
#define FCT_V_DISCONNECT (1u << FCT_DISCONNECT)

/* ---- hook points, from the one table ---- */

/* clang-format off */
enum fct_hook {
#define HOOK(name, kind, verdicts, doc) FCT_HOOK_##name,
#include <facteur/hooks.def>
    FCT_HOOK_COUNT
};

#define FCT_T_STR  struct fct_str
#define FCT_T_U64  uint64_t
#define FCT_T_BOOL bool
#define HOOK(name, kind, verdicts, doc) struct fct_ev_##name {
#define FIELD(hook, name, type, doc)        FCT_T_##type name;
#define END(name) };
#include <facteur/hooks.def>

struct fct_call; /* one running callback; opaque, dead when the callback returns */

union fct_hook_fn {
    /* Takes any point: for engines that run somebody else's code, such as Lua. `ev` is the point's
     * struct fct_ev_*. */
    enum fct_verdict (*any)(struct fct_call *call, enum fct_hook hook, const void *ev, void *state);
#define HOOK(name, kind, verdicts, doc) \
    enum fct_verdict (*name)(struct fct_call * call, const struct fct_ev_##name *ev, void *state);
#include <facteur/hooks.def>
};
/* clang-format on */

/* Roles of a listener, a bit mask; 0 in a hook row means all. */
#define FCT_ROLE_MX         1u
#define FCT_ROLE_SUBMISSION 2u
#define FCT_ROLE_LMTP       4u
#define FCT_ROLE_LOCAL      8u
#define FCT_ROLE_REPLAY     16u

struct fct_hook_row {
    enum fct_hook hook;
    bool generic; /* fn.any is set, not the typed member */
    union fct_hook_fn fn;
    const char *provides; /* capability others may wait for, e.g. "spf"; NULL for none */
    const char *after; /* must have run before: "spf dkim?"; '?' = only if somebody provides it */
    uint32_t roles;    /* FCT_ROLE_*; 0 = all */
    uint32_t deadline_ms; /* 0 = the plugin's `deadline` in conf.d */
    const char *label;    /* who is named in the ledger; NULL = the plugin's name */
    void *state;          /* handed to fn; NULL = the plugin's state */
};
/* One row: FCT_ON(rcpt, on_rcpt) or FCT_ON(rcpt, on_rcpt, .after = "spf?") */
#define FCT_ON(point, ...)                                \
    {                                                     \
        .hook = FCT_HOOK_##point, .fn.point = __VA_ARGS__ \
    }

struct fct_symbol {
    const char *name;  /* upper case, digits, underscore */
    double score;      /* default; conf.d overrides it */
    const char *group; /* for display and caps */
    const char *doc;   /* one sentence shown to people */
};

/* ---- what a callback may read ---- */

/* The connection. Every view lives as long as the call. */
struct fct_conn {
    uint32_t size;
    uint32_t role;            /* one FCT_ROLE_* bit */
    struct fct_str id;        /* the id on every log line */
    struct fct_str client_ip; /* textual, IPv6 without brackets */
    struct fct_str local_ip;
    uint32_t client_port, local_port;
    struct fct_str helo;        /* empty before HELO */
    struct fct_str tls_version; /* empty without TLS */
    struct fct_str tls_cipher;
    struct fct_str login; /* account after AUTH, else empty */
    bool trusted;         /* a plugin said ACCEPT at connect */
};

struct fct_envelope {
    uint32_t size;
    struct fct_str id;           /* message id in the log: connection id, a dot, a number */
    struct fct_str reverse_path; /* without brackets; empty for <> */
    bool smtputf8;
    const struct fct_str *recipient;
    size_t recipients;
};

/* One header field of the original message. Stable for the whole transaction: nobody's edits move
 * it. */
struct fct_header {
    struct fct_str name;  /* as written, without the colon */
    struct fct_str value; /* raw: after the colon, folded, without the final line end */
    struct fct_str raw;   /* the whole field with its line end */
    size_t offset;        /* of raw in the message */
};

/* One node of the MIME tree (RFC 2045, RFC 2046), parents before children. Offsets are into the
 * original message. */
struct fct_part {
    struct fct_str type;       /* "text/plain", lower case */
    struct fct_str charset;    /* lower case, or empty */
    struct fct_str encoding;   /* lower case; "7bit" when absent */
    struct fct_str filename;   /* decoded, or empty */
    struct fct_str content_id; /* without brackets, or empty */
    size_t header_offset, header_length, body_offset, body_length;
    int parent; /* index, -1 for the root */
    unsigned depth;
};

enum fct_where { FCT_TOP, FCT_END };

enum fct_level { FCT_DEBUG, FCT_INFO, FCT_WARNING, FCT_ERROR };

/* ---- what a plugin may call ---- */

struct fct_self; /* the plugin as the host knows it; valid from start to stop */

/* Functions of the host. Grows only at the end: test FCT_HAS(host, member) before using one newer
 * than your minimum. Every function on a call that has ended (deadline passed, client gone) fails
 * at once. Nothing returned is freed by the plugin: memory belongs to the transaction of the call.
 */
struct fct_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;

    /* Set-up, only inside start(). Strings must live until stop(). */
    bool (*add_hook)(struct fct_self *self, const struct fct_hook_row *row, struct fct_err *err);
    bool (*add_symbol)(struct fct_self *self, const struct fct_symbol *symbol, struct fct_err *err);

    /* Memory of the transaction (of the connection when there is no transaction yet), counted per
     * plugin; NULL when the plugin's `memory` limit is reached. */
    void *(*alloc)(struct fct_call *call, size_t bytes);
    /* One pointer per connection and plugin, NULL at first; freed with free() when the connection
     * ends. */
    void **(*slot)(struct fct_call *call);

    /* One line in the server's log, escaped, cut at 512 bytes; a counter in facteurctl status. */
    void (*log)(struct fct_call *call, enum fct_level level, const char *fmt, ...) FCT_PRINTF(3, 4);
    void (*count)(struct fct_call *call, const char *metric, double by);

    /* Who is connected, and what MAIL and RCPT said so far. Never NULL; views live as the call. */
    const struct fct_conn *(*conn)(struct fct_call *call);
    const struct fct_envelope *(*envelope)(struct fct_call *call);

    /* The message, original bytes, from `headers` on; empty before. */
    struct fct_str (*raw)(struct fct_call *call);
    /* All fields in wire order; returns how many. */
    size_t (*headers)(struct fct_call *call, const struct fct_header **first);
    /* The nth field (0 is the topmost) of that name, case-insensitive; NULL: there is none. */
    const struct fct_header *(*header)(struct fct_call *call, const char *name, size_t nth);
    /* Unfolded, encoded words decoded (RFC 2047), UTF-8. `header` may be one the plugin made
     * itself, to decode a piece of a value. */
    struct fct_str (*header_text)(struct fct_call *call, const struct fct_header *header);
    /* The MIME tree, parents before children; returns how many. */
    size_t (*parts)(struct fct_call *call, const struct fct_part **first);
    /* A leaf with its transfer encoding undone; the same as text in UTF-8. Cached: a second call
     * costs nothing. */
    struct fct_str (*part_bytes)(struct fct_call *call, const struct fct_part *part);
    struct fct_str (*part_text)(struct fct_call *call, const struct fct_part *part);

    /* Found: the symbol counts once per message with its score times `factor`; `detail` (200 bytes
     * are kept) stands in the ledger. False: it was not declared, or this point takes no symbols
     * (headers and scan do). */
    bool (*symbol)(struct fct_call *call, const char *name, double factor, struct fct_str detail);
    /* Was it found so far? *score is what it added; may be NULL. */
    bool (*has_symbol)(struct fct_call *call, const char *name, double *score);
    /* Text of the reply should this call's verdict win: code 4xx or 5xx or 0 for the default,
     * enhanced "5.7.1" or NULL. */
    bool (*reply)(struct fct_call *call, unsigned code, const char *enhanced, const char *text);
    /* At deliver: where the message goes and its keywords ("\\Seen", "$Label"). */
    bool (*mailbox)(struct fct_call *call, struct fct_str name);
    bool (*keyword)(struct fct_call *call, struct fct_str name);

    /* Edits, from headers on: logged against the original, applied once while reading, in plan
     * order. At deliver they belong to that recipient alone. False when the value is not a legal
     * field (RFC 5322 2.2) or spans overlap. */
    bool (*header_add)(struct fct_call *call, enum fct_where where, struct fct_str name,
                       struct fct_str value);
    bool (*header_set)(struct fct_call *call, const struct fct_header *header,
                       struct fct_str value);
    bool (*header_remove)(struct fct_call *call, const struct fct_header *header);
    bool (*patch)(struct fct_call *call, size_t offset, size_t length, struct fct_str with);

    /* Waiting. False when the deadline passed or the client left. */
    FCT_MAY_WAIT bool (*sleep_ms)(struct fct_call *call, uint32_t ms);
    /* Runs work(arg) on a pool thread and waits; the work sees only its argument. */
    FCT_MAY_WAIT bool (*offload)(struct fct_call *call, void (*work)(void *arg), void *arg);
    uint32_t (*time_left_ms)(struct fct_call *call);

    /* The server's name for itself: Authentication-Results id, Received by. */
    struct fct_str (*server_name)(struct fct_call *call);
};

/* ---- what a plugin exports ---- */

struct fct_plugin_head {
    uint16_t abi_major, abi_minor;
    uint32_t size; /* sizeof(struct fct_plugin) as the plugin saw it */
    /* Of one row of its tables, which may be shorter than the host's. */
    uint16_t hook_size, symbol_size, key_size;
    uint16_t spare;
};
#define FCT_PLUGIN_HEAD                                                                       \
    {                                                                                         \
        FCT_ABI_MAJOR, FCT_ABI_MINOR, sizeof(struct fct_plugin), sizeof(struct fct_hook_row), \
            sizeof(struct fct_symbol), sizeof(struct fct_conf_key), 0                         \
    }

struct fct_plugin {
    struct fct_plugin_head head;
    const char *name, *version, *summary, *license;
    /* Rows of `plugin NAME { … }` besides the host's own, NULL for none, and the size of the struct
     * they describe. */
    const struct fct_conf_key *keys;
    size_t conf_size;
    const struct fct_symbol *symbols; /* ends with a NULL name; NULL for none */
    const struct fct_hook_row *hooks; /* `nhooks` rows; start() may add more */
    size_t nhooks;
    /* Once per filter process, after the configuration was read. `conf` lives until stop. May be
     * NULL. */
    bool (*start)(struct fct_self *self, const struct fct_host *host, const void *conf,
                  void **state, struct fct_err *err);
    void (*stop)(void *state); /* may be NULL */
};
extern FCT_EXPORT const struct fct_plugin fct_plugin;

#endif
