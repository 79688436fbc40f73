/* filter_codec.h - requests to filters and their answers as bytes. Events come from hooks.def by
 * macro, so no field can be forgotten. Both sides check every length and every value: each takes
 * the other for compromised.
 *
 * Decoded views point into `bytes`; counts are bounded; what a decoder returns true for can be used
 * without further checks. */
#ifndef CORE_HOOK_FILTER_CODEC_H
#define CORE_HOOK_FILTER_CODEC_H

#include "core/hook/filter_client.h"
#include "core/hook/hook_plan.h"

#define CODEC_LEDGER_MAX (20u << 10) /* a ledger in a request or an answer */

enum filter_kind {
    FILTER_HOOK = 1, /* request: one point of the dialogue */
    FILTER_MESSAGE,  /* request with a descriptor: a whole message */
    FILTER_TELL,     /* notice: an OBSERVE point */
    FILTER_DESCRIBE, /* request: u8 enum filter_format; answered with text */
    FILTER_HELLO,    /* notice to the client: wanted hooks, who was to blame for the predecessor's
                        death */
    FILTER_LEAVING,  /* notice to the client: send nothing more, say FILTER_GOODBYE */
    FILTER_GOODBYE,  /* notice to the filter: nothing more comes */
    FILTER_HISTORY,  /* request: query, cursor, in memory only?; answered with entries */
};

union filter_event {
#define HOOK(name, text, kind, verdicts, doc) struct fct_ev_##name name;
#include <facteur/hooks.def>
};

struct filter_hook_request {
    struct filter_context context;
    bool again; /* a filter died over it: rows in shadow stay out this time */
    enum fct_hook hook;
    union filter_event event;
    uint64_t size; /* of the message that comes along; points that have none: 0 */
};
struct filter_message_request {
    struct filter_context context;
    bool again;
    uint64_t size;
    struct filter_recipient *recipient;
    size_t recipients;
};
struct filter_hello {
    uint64_t wants[PLAN_ROLES]; /* as in hook_plan.h */
    uint64_t decides[PLAN_ROLES];
    uint32_t may[PLAN_ROLES];
    bool blamed;           /* the predecessor died inside a callback … */
    struct fct_str id;     /* … for this message or connection … */
    struct fct_str plugin; /* … of this plugin */
};

/* Marks an encoded request in place: it is sent again after a death. */
void filter_request_again(struct buf *request);

void filter_hook_encode(const struct filter_context *context, enum fct_hook hook, const void *ev,
                        uint64_t size, struct buf *out);
FCT_MUST_CHECK bool filter_hook_decode(struct arena *arena, struct fct_str bytes,
                                       struct filter_hook_request *out, struct fct_err *err);

void filter_message_encode(const struct filter_context *context, uint64_t size,
                           const struct filter_recipient *recipient, size_t n, struct buf *out);
FCT_MUST_CHECK bool filter_message_decode(struct arena *arena, struct fct_str bytes,
                                          struct filter_message_request *out, struct fct_err *err);

/* `sticky`: a plugin keeps state for this connection in the filter that answers. */
void filter_answer_encode(const struct filter_answer *answer, bool sticky, struct buf *out);
/* Changes are checked against what `hook` offers, edits against the message's size (0: none). */
FCT_MUST_CHECK bool filter_answer_decode(struct arena *arena, struct fct_str bytes,
                                         enum fct_hook hook, uint64_t size,
                                         struct filter_answer *out, bool *sticky,
                                         struct fct_err *err);

void filter_result_encode(const struct filter_result *result, bool sticky, struct buf *out);
/* `size` of the message and `recipients` as asked for: edits and outcomes are checked against them.
 */
FCT_MUST_CHECK bool filter_result_decode(struct arena *arena, struct fct_str bytes, uint64_t size,
                                         size_t recipients, struct filter_result *out, bool *sticky,
                                         struct fct_err *err);

void filter_hello_encode(const struct filter_hello *hello, struct buf *out);
FCT_MUST_CHECK bool filter_hello_decode(struct fct_str bytes, struct filter_hello *out,
                                        struct fct_err *err);

#endif
