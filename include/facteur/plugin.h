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
 * Change log:
 *   1.0 first version
 *   1.1 every hook point; set(); services (dns, redis, http, kv, limit, streams); start() and
 *       wait_all(); html, URLs; edits of decoded parts; actions and force(); ticks; addresses;
 *       facts; recipients and symbols for one of them; the text people see */
#ifndef FACTEUR_PLUGIN_H
#define FACTEUR_PLUGIN_H

#include <facteur/base.h>
#include <facteur/conf.h>
#include <sys/types.h>

#define FCT_ABI_MAJOR 1 /* a meaning changed: older plugins are refused */
#define FCT_ABI_MINOR 1 /* something was appended: older plugins still load */

/* True when the other side's struct, of `(t)->size` bytes, is new enough to have `member`. */
#define FCT_HAS(t, member) ((t)->size >= offsetof(__typeof__(*(t)), member) + sizeof((t)->member))

/* ---- verdicts ---- */

/* In rising strength: the strongest verdict of a hook point wins, its plugin's reply text is used.
 * ACCEPT ends the chain of that point. One that the point does not offer (docs/hooks.md) is a
 * failure of the plugin: its `on_error` decides. */
enum fct_verdict {
    FCT_NEXT = 0,
    FCT_ACCEPT = 1,
    FCT_QUARANTINE = 2,
    FCT_DISCARD = 3,
    FCT_TEMPFAIL = 4,
    FCT_REJECT = 5,
    FCT_DISCONNECT = 6,
    FCT_SKIP = 7, /* not a judgement: no more events of this point for this message, see chunk */
};
#define FCT_V_ACCEPT     (1u << FCT_ACCEPT)
#define FCT_V_QUARANTINE (1u << FCT_QUARANTINE)
#define FCT_V_DISCARD    (1u << FCT_DISCARD)
#define FCT_V_TEMPFAIL   (1u << FCT_TEMPFAIL)
#define FCT_V_REJECT     (1u << FCT_REJECT)
#define FCT_V_DISCONNECT (1u << FCT_DISCONNECT)
#define FCT_V_SKIP       (1u << FCT_SKIP)

/* What becomes of a message, by thresholds of its recipients' profiles or by force(). In rising
 * strictness. */
enum fct_action {
    FCT_KEEP = 0,
    FCT_TAG = 1,
    FCT_GREYLIST = 2, /* 451 now, taken when the client comes back */
    FCT_JUNK = 3,
    FCT_HOLD = 4, /* into Quarantine */
    FCT_DROP = 5, /* accepted and thrown away */
    FCT_REFUSE = 6,
};

/* ---- hook points, from the one table ---- */

struct fct_list {
    const struct fct_str *item;
    size_t n;
};

/* clang-format off */
enum fct_hook {
#define HOOK(name, text, kind, verdicts, doc) FCT_HOOK_##name,
#include <facteur/hooks.def>
    FCT_HOOK_COUNT
};

#define FCT_T_STR  struct fct_str
#define FCT_T_U64  uint64_t
#define FCT_T_BOOL bool
#define FCT_T_LIST struct fct_list
#define HOOK(name, text, kind, verdicts, doc) struct fct_ev_##name {
#define FIELD(hook, name, type, doc)        FCT_T_##type name;
#define END(name) };
#include <facteur/hooks.def>

struct fct_call; /* one running callback; opaque, dead when the callback returns */

union fct_hook_fn {
    /* Takes any point: for engines that run somebody else's code, such as Lua. `ev` is the point's
     * struct fct_ev_*. */
    enum fct_verdict (*any)(struct fct_call *call, enum fct_hook hook, const void *ev, void *state);
#define HOOK(name, text, kind, verdicts, doc) \
    enum fct_verdict (*name)(struct fct_call * call, const struct fct_ev_##name *ev, void *state);
#include <facteur/hooks.def>
};
/* clang-format on */

/* Roles of a listener, a bit mask; 0 in a hook row means all, but at connect, tls, auth and
 * disconnect those of mail only (MX to REPLAY): name IMAP and POP3 to see mail clients there. */
#define FCT_ROLE_MX         1u
#define FCT_ROLE_SUBMISSION 2u
#define FCT_ROLE_LMTP       4u
#define FCT_ROLE_LOCAL      8u
#define FCT_ROLE_REPLAY     16u
#define FCT_ROLE_IMAP       32u
#define FCT_ROLE_POP3       64u

/* Where a tick runs. */
#define FCT_EACH 0u /* in every filter process; once more, early, when it ends */
#define FCT_ONCE 1u /* in one at a time, of all servers that share a Redis */

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
    /* since 1.1 */
    uint32_t interval_ms; /* tick: how often, at least 100 */
    uint32_t scope;       /* tick: FCT_EACH or FCT_ONCE */
    /* What the row may ask for besides verdicts: FCT_MAY_*; 0 = everything its point allows. The
     * milter role offers the MTA no more than the plugins need. */
    uint32_t may;
    uint32_t mode; /* FCT_LIVE or FCT_SHADOW */
};
/* A row in shadow runs beside the live ones, and the ledger says what it would have done; verdicts,
 * symbols, edits and changes have no effect. */
#define FCT_LIVE   0u
#define FCT_SHADOW 1u

#define FCT_MAY_ADD_HEADER    1u
#define FCT_MAY_CHANGE_HEADER 2u
#define FCT_MAY_BODY          4u
#define FCT_MAY_SENDER        8u
#define FCT_MAY_RECIPIENTS    16u
#define FCT_MAY_NOTHING       (1u << 31) /* looks and adds symbols, no edits and no verdict */
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

/* since 1.1: a symbol made of others, looked at after scan, once per scoring profile. */
struct fct_composite {
    uint32_t size; /* sizeof, set by the plugin */
    struct fct_symbol symbol;
    /* Symbols, g:GROUP (some symbol of the group was found), other composites; & | ! ( ).
     * "CRYPTO_THREAT & (SPF_FAIL | DKIM_NONE) & !KNOWN_CONTACT" */
    const char *expression;
    /* The symbols that made it true count no longer: this one stands for them. */
    bool consume;
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
    /* since 1.1 */
    struct fct_str frontend;        /* smtp, lmtp, imap, pop3, milter, scan, replay */
    struct fct_str client_name;     /* its name by DNS, confirmed; empty when unknown */
    struct fct_str tls_server_name; /* SNI, or empty */
    struct fct_str auth_mechanism;  /* as PLAIN; empty when nobody logged in */
};

struct fct_envelope {
    uint32_t size;
    struct fct_str id;           /* message id in the log: connection id, a dot, a number */
    struct fct_str reverse_path; /* without brackets; empty for <> */
    bool smtputf8;
    const struct fct_str *recipient;
    size_t recipients;
    /* since 1.1 */
    struct fct_str body; /* BODY= of MAIL, or empty */
    uint64_t declared;   /* SIZE= of MAIL, or 0 */
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

/* TOP: above all fields; END: below them; BEFORE, AFTER: beside the field given; AFTER_TRACE: below
 * the block of Received and other trace fields on top (RFC 5322 3.6.7). */
enum fct_where { FCT_TOP, FCT_END, FCT_BEFORE, FCT_AFTER, FCT_AFTER_TRACE };

enum fct_level { FCT_DEBUG, FCT_INFO, FCT_WARNING, FCT_ERROR };

/* ---- HTML and URLs, since 1.1 ---- */

/* One attribute of a tag. Offsets count in part_bytes() of its part. */
struct fct_html_attribute {
    struct fct_str name;  /* lower case */
    struct fct_str value; /* character references resolved, UTF-8 */
    size_t offset,
        length; /* from the first byte of the name to the end of the value, quotes included */
    size_t value_offset, value_length; /* without quotes */
};
enum fct_html_kind {
    FCT_HTML_START,
    FCT_HTML_END,
    FCT_HTML_TEXT,
    FCT_HTML_COMMENT,
    FCT_HTML_DOCTYPE
};
/* One token of a text/html part, as the WHATWG tokenizer sees it. */
struct fct_html_token {
    uint32_t kind;
    bool self_closing;
    struct fct_str name; /* START, END: lower case */
    struct fct_str text; /* TEXT: character references resolved; COMMENT: what is between */
    size_t offset, length;
    const struct fct_html_attribute *attribute;
    size_t attributes;
};

/* text(): what people see of the message; what HTML keeps from them (display:none, no size, letters
 * in the colour of their background). */
enum fct_text { FCT_TEXT_SHOWN, FCT_TEXT_HIDDEN };

/* A URL, looked at but never fetched. Empty views for what is not there. */
struct fct_url {
    struct fct_str text; /* as found, character references resolved */
    /* host: lower case, A-labels; IPv6 without brackets; user: all before the '@' */
    struct fct_str scheme, user, host, path, query, fragment;
    struct fct_str display; /* host in Unicode (U-labels) */
    struct fct_str org;     /* registrable domain by the public suffix list; the host itself for an
                               address or a suffix */
    uint32_t port;          /* 0: none given, or the scheme's own */
};
enum fct_link_from {
    FCT_LINK_ANCHOR,
    FCT_LINK_AREA,
    FCT_LINK_IMAGE,
    FCT_LINK_FORM,
    FCT_LINK_OTHER,
    FCT_LINK_TEXT
};
struct fct_link {
    struct fct_url url;
    uint32_t from;
    struct fct_str tag, attribute; /* of HTML: "a", "href" */
    struct fct_str shown;          /* ANCHOR: the text people see, spaces collapsed */
    const struct fct_part *part;
    size_t offset, length; /* of the URL in part_bytes() of its part */
};

/* ---- addresses, since 1.1 ---- */

enum fct_address_kind { FCT_ADDRESS_MAILBOX, FCT_ADDRESS_GROUP_START, FCT_ADDRESS_GROUP_END };
/* One entry of an address field (RFC 5322 3.4, RFC 6854). */
struct fct_address {
    struct fct_str name;   /* display name as written, quotes and comments removed, encoded words
                              kept; of FCT_ADDRESS_GROUP_START the group's */
    struct fct_str local;  /* unquoted */
    struct fct_str domain; /* as written; empty: none was given */
    uint32_t kind;
    bool broken; /* something of it or behind it could not be read: what could be is given */
};

/* ---- services, since 1.1: each waits, and gives up at the call's deadline ---- */

/* Numbers of RFC 1035 and its successors. */
enum fct_dns_type {
    FCT_DNS_A = 1,
    FCT_DNS_NS = 2,
    FCT_DNS_CNAME = 5,
    FCT_DNS_SOA = 6,
    FCT_DNS_PTR = 12,
    FCT_DNS_MX = 15,
    FCT_DNS_TXT = 16,
    FCT_DNS_AAAA = 28,
    FCT_DNS_SRV = 33,
    FCT_DNS_TLSA = 52,
};
enum fct_dns_status {
    FCT_DNS_OK,
    FCT_DNS_NO_NAME, /* NXDOMAIN */
    FCT_DNS_NO_DATA, /* the name is there, records of this type are not */
    FCT_DNS_FAILED,  /* for now: SERVFAIL, no answer in time */
    FCT_DNS_BOGUS,   /* DNSSEC says forged (RFC 4035 4.3) */
    FCT_DNS_REFUSED, /* not asked: no legal name, or the message's limit of questions is reached */
};
struct fct_dns_record {
    /* A, AAAA: the address as text; NS, CNAME, PTR, MX: a name without the final dot; TXT: all
     * strings joined; others: wire bytes. */
    struct fct_str data;
    uint32_t preference; /* MX */
};
struct fct_dns_answer {
    uint32_t size; /* filled in by the host */
    uint32_t status;
    bool authentic; /* validated by DNSSEC */
    uint32_t ttl;   /* seconds, the shortest of the chain */
    const struct fct_dns_record *record;
    size_t n;
    struct fct_str canonical; /* the name at the end of CNAMEs, without the final dot */
    struct fct_str why;       /* of FAILED, BOGUS and REFUSED, one sentence */
};

enum fct_redis_kind { FCT_REDIS_NIL, FCT_REDIS_STRING, FCT_REDIS_INTEGER, FCT_REDIS_ARRAY };
struct fct_redis_reply {
    uint32_t kind;
    int64_t integer;
    struct fct_str string;
    const struct fct_redis_reply *item;
    size_t n;
};
/* A Lua script that Redis runs, sent once and then called by its hash. Static: its address names
 * it. */
struct fct_redis_script {
    const char *name, *text;
};

struct fct_http_request {
    uint32_t size;                /* sizeof, set by the plugin */
    const char *method;           /* NULL: GET, or POST when there is a body */
    struct fct_str url;           /* https, and http for hosts that http.plain names */
    const struct fct_str *header; /* "Name: value" */
    size_t headers;
    struct fct_str body;
    uint32_t timeout_ms; /* 0: as the call's deadline */
    uint32_t max_bytes;  /* 0: http.max */
};
struct fct_http_reply {
    uint32_t size; /* filled in by the host */
    unsigned status;
    struct fct_str body;
    const struct fct_str *header; /* "name: value", name in lower case */
    size_t headers;
};

/* A byte stream to somebody else (a milter, clamd). Belongs to the plugin that dialled, may be kept
 * between calls, is used by one call at a time. */
struct fct_stream;

/* Work begun by start(). Good until wait_all() returned it or the call ended. */
struct fct_token {
    uint32_t slot, generation;
};

/* One who will get the message. */
struct fct_recipient {
    uint32_t size;            /* filled in by the host */
    struct fct_str recipient; /* forward-path without brackets, as the client gave it */
    struct fct_str account;   /* where it leads to, a full address; empty: not ours to deliver */
    struct fct_str detail;    /* what follows + in the local part (RFC 5233), or empty */
};

/* A message to try things on, see trial_begin. */
struct fct_trial {
    uint32_t size;                       /* sizeof, set by the plugin */
    struct fct_str message;              /* CRLF line ends; may be empty */
    const struct fct_conn *conn;         /* NULL: nobody in particular */
    const struct fct_envelope *envelope; /* NULL: empty */
};

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

    /* Memory of the transaction (of the connection when there is no transaction yet), zeroed,
     * counted per plugin; NULL when the plugin's `memory` limit is reached. */
    void *(*alloc)(struct fct_call *call, size_t bytes);
    /* Where the plugin keeps one pointer per connection, NULL at first; freed with free() when the
     * connection ends. NULL: there is no connection (tick), or the call has ended. */
    void **(*slot)(struct fct_call *call);

    /* One line in the server's log, escaped, cut at 512 bytes; a counter in facteurctl metrics, of
     * which a plugin has at most 64. */
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

    /* ---- since 1.1 ---- */

    /* Change what the point offers (CHANGE rows of hooks.def). False: it offers no such thing, or
     * the value is not fit for it. */
    bool (*set)(struct fct_call *call, const char *name, struct fct_str value);
    /* An action for the message whatever its score says: the highest rank wins, among equals the
     * stricter. `why` stands in the ledger. At headers, scan and verdict; false elsewhere. */
    bool (*force)(struct fct_call *call, enum fct_action action, uint32_t rank, struct fct_str why);

    /* More edits. `beside` only for FCT_BEFORE and FCT_AFTER. */
    bool (*header_insert)(struct fct_call *call, enum fct_where where,
                          const struct fct_header *beside, struct fct_str name,
                          struct fct_str value);
    /* Bytes of a leaf, counted in part_bytes(): the host finds the encoded bytes that must change.
     * False besides: the part is signed or encrypted (RFC 1847, S/MIME, OpenPGP), the text does not
     * fit a part in 7bit or 8bit (bare CR or LF, lines of more than 998 octets, a boundary), or the
     * part has more than 4 MB of base64. */
    bool (*part_patch)(struct fct_call *call, const struct fct_part *part, size_t offset,
                       size_t length, struct fct_str with);
    /* Everything behind the header. CRLF line ends. */
    bool (*body_replace)(struct fct_call *call, struct fct_str body);

    /* The tokens of a text/html part; its length in tokens. Cached. */
    size_t (*html)(struct fct_call *call, const struct fct_part *part,
                   const struct fct_html_token **first);
    /* Every URL of every text part, in order, at most filter.max_urls. Cached. */
    size_t (*links)(struct fct_call *call, const struct fct_link **first);
    /* False: not a URL with a scheme and a host. */
    bool (*url_parse)(struct fct_call *call, struct fct_str text, struct fct_url *out);
    /* The registrable domain of a host name by the public suffix list. */
    struct fct_str (*org_domain)(struct fct_call *call, struct fct_str host);

    /* Two things at once: work(call, arg) begins in a fiber beside the caller, which waits for all
     * it began with wait_all() before it returns (the host does so otherwise). False: the deadline
     * passed. */
    struct fct_token (*start)(struct fct_call *call, void (*work)(struct fct_call *call, void *arg),
                              void *arg);
    FCT_MAY_WAIT bool (*wait_all)(struct fct_call *call, const struct fct_token *token, size_t n);

    /* True: status is FCT_DNS_OK and there is a record. *out is filled in either way. */
    FCT_MAY_WAIT bool (*dns)(struct fct_call *call, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out);
    /* NULL: Redis is not there, or said no (err). Failing fast while it is known to be away. */
    FCT_MAY_WAIT const struct fct_redis_reply *(*redis)(struct fct_call *call,
                                                        const struct fct_str *word, size_t n,
                                                        struct fct_err *err);
    FCT_MAY_WAIT const struct fct_redis_reply *(*redis_script)(
        struct fct_call *call, const struct fct_redis_script *script, const struct fct_str *key,
        size_t keys, const struct fct_str *arg, size_t args, struct fct_err *err);
    FCT_MAY_WAIT bool (*http)(struct fct_call *call, const struct fct_http_request *request,
                              struct fct_http_reply *reply, struct fct_err *err);

    /* Small facts that outlive the message, in Redis, or in this process while Redis is away or
     * not configured. Keys are the plugin's own. ttl_s 0: for good. False or 0: the key is longer
     * than state.max_key, the value than state.max_value, or the call's time is over; of kv_get
     * also that nothing was set. */
    FCT_MAY_WAIT bool (*kv_get)(struct fct_call *call, struct fct_str key, struct fct_str *value);
    FCT_MAY_WAIT bool (*kv_set)(struct fct_call *call, struct fct_str key, struct fct_str value,
                                uint32_t ttl_s);
    /* The new sum. */
    FCT_MAY_WAIT int64_t (*kv_add)(struct fct_call *call, struct fct_str key, int64_t by,
                                   uint32_t ttl_s);
    /* Was it marked before? Marks it for ttl_s from now on. */
    FCT_MAY_WAIT bool (*kv_seen)(struct fct_call *call, struct fct_str key, uint32_t ttl_s);
    /* Takes `amount` from the bucket `key`; false: so many are not left, *wait_ms until they are
     * (UINT32_MAX: never, or the call's time is over). Without Redis each filter process has its
     * share of the rate, at least one. rate->amount 0: no limit. */
    FCT_MAY_WAIT bool (*limit_take)(struct fct_call *call, struct fct_str key,
                                    const struct fct_rate *rate, uint32_t amount,
                                    uint32_t *wait_ms);

    /* address: "inet:HOST:PORT", "inet:[::1]:PORT", "unix:/path"; from the plugin's own
     * configuration, never from a message. At most `max` bytes are read, at
     * least one unless the other side closed (0) or it failed (-1). Then errno says why:
     * ECONNRESET the other side broke off, ETIMEDOUT nothing came in the stream's or the call's
     * time, ECANCELED the call is over, EINVAL not an open stream of this plugin's. `call` may be
     * another one than the one that dialled. */
    FCT_MAY_WAIT struct fct_stream *(*dial)(struct fct_call *call, struct fct_str address,
                                            struct fct_err *err);
    FCT_MAY_WAIT bool (*stream_write)(struct fct_call *call, struct fct_stream *stream,
                                      struct fct_str bytes);
    FCT_MAY_WAIT ssize_t (*stream_read)(struct fct_call *call, struct fct_stream *stream, void *to,
                                        size_t max);
    void (*stream_close)(struct fct_stream *stream);

    /* The message as the edits so far make it (at deliver: this recipient's); the original when
     * there are none. Built at the first call after an edit: for plugins that hand the message to
     * somebody else. */
    struct fct_str (*current)(struct fct_call *call);
    /* From now on reads and writes of this stream also give up after so long without a byte; 0:
     * only at the call's deadline. */
    void (*stream_timeout)(struct fct_stream *stream, uint32_t ms);

    /* A setting of the recipient's account at deliver, else empty. */
    struct fct_str (*setting)(struct fct_call *call, const char *name);

    /* For plugins that test their own rules before they serve: a message nobody sent. Functions
     * that read (conn to part_text, html, links, url_parse, org_domain) and alloc work on the call;
     * those that decide, edit or wait do not. Inside start(), and in facteurctl, where `self` may
     * be NULL. What `trial` points to must live until trial_end. */
    struct fct_call *(*trial_begin)(struct fct_self *self, const struct fct_trial *trial,
                                    struct fct_err *err);
    void (*trial_end)(struct fct_call *call);

    /* Set-up, only inside start(). Mistakes in the expression are found when all plugins have
     * started, and named with their column. */
    bool (*add_composite)(struct fct_self *self, const struct fct_composite *composite,
                          struct fct_err *err);

    /* The nth symbol found so far (0 is the first found) and what it added; NULL: no more. */
    const char *(*symbol_at)(struct fct_call *call, size_t nth, double *score);

    /* The addresses of a field such as From, read by the server's own parser: the same that mail
     * clients are shown (IMAP ENVELOPE). At most 256. Cached. */
    size_t (*addresses)(struct fct_call *call, const struct fct_header *header,
                        const struct fct_address **first);

    /* What a plugin found out, for those that run after it: values under a name, kept in their
     * order from `headers` on until the message is delivered, never shown to clients. At most 200
     * of a message, each of up to 2,000 bytes. Known names:
     *   "auth": one result of authentication as RFC 8601 2.2 writes resinfo, as
     *           "spf=pass smtp.mailfrom=example.org" or "dkim=fail (bad key) header.d=example.org"
     */
    bool (*fact_add)(struct fct_call *call, const char *name, struct fct_str value);
    /* The nth under that name (0 is the first left); p is NULL: no more. */
    struct fct_str (*fact)(struct fct_call *call, const char *name, size_t nth);

    /* From headers to edit: who will get the message. The nth (0 is the first); NULL: no more. */
    const struct fct_recipient *(*recipient)(struct fct_call *call, size_t nth);
    /* A setting of that recipient's account; empty: not set, or there is no nth. */
    struct fct_str (*recipient_setting)(struct fct_call *call, size_t nth, const char *name);
    /* As symbol(), at headers and scan, for the recipients of one account alone: their score and
     * their ledger have it, nobody else's. Stands there instead of the symbol of the same name that
     * was found for everybody. At most 50 of an account; not shown by has_symbol() before verdict.
     * False besides: nobody here has that account. */
    bool (*symbol_for)(struct fct_call *call, struct fct_str account, const char *name,
                       double factor, struct fct_str detail);
    /* Set-up, only inside start(), for engines that run somebody else's code: where a symbol that
     * was added is written, "FILE:LINE", for facteurctl symbol show. Must live until stop(). */
    void (*symbol_origin)(struct fct_self *self, const char *name, const char *where);

    /* FCT_TEXT_*: of all text parts together, in UTF-8, its spaces one each, invisible characters
     * left out, cut at filter.max_text. Of alternatives (RFC 2046 5.1.4) each, as mail programs
     * choose differently. Cached. */
    struct fct_str (*text)(struct fct_call *call, uint32_t which);

    /* The group of a symbol that was found; NULL: it was not. */
    const char *(*symbol_group)(struct fct_call *call, const char *name);

    /* At deliver: a line of this recipient's ledger that says more than the edit itself does, as
     * ("removed", "pixel of Mailchimp"); 200 bytes of the detail are kept. */
    bool (*note)(struct fct_call *call, const char *what, struct fct_str detail);
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
