/* history_entry.h - one line per message that was judged, kept or refused: what `facteurctl
 * history` shows.
 *
 * A line names no subject, and of addresses the domain: local parts are hashed with the site's key
 * (history.private). It is written after the reply has been sent, into memory that all filters
 * share (history_ring.h), and from there into a stream of Redis (history_stream.h). */
#ifndef CORE_HOOK_HISTORY_ENTRY_H
#define CORE_HOOK_HISTORY_ENTRY_H

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include <facteur/plugin.h>

/* Of an encoded entry: some thirty symbols. Of those that do not fit the number is kept, "+4". */
#define HISTORY_BYTES 800u

struct history_entry {
    int64_t at_ms; /* since 1970 */
    struct fct_str id, client_ip;
    struct fct_str from, to;        /* to: the first recipient */
    struct fct_str action, profile; /* of the first recipient; action: history_action() */
    struct fct_str symbols;         /* "A=3.5 B=-1", strongest first; "+4" behind: four more */
    uint32_t recipients, took_ms;
    uint64_t size;
    int32_t score_milli;
};

/* The word for what became of it: the action, or what a plugin's verdict made of it. */
const char *history_action(enum fct_verdict verdict, enum fct_action action);

/* At most HISTORY_BYTES. */
void history_encode(const struct history_entry *e, struct buf *out);
FCT_MUST_CHECK bool history_decode(struct fct_str bytes, struct history_entry *out);

/* What somebody looks for; empty and zero members match everything. */
struct history_query {
    struct fct_str from, to; /* an address, or a domain with or without "@" */
    struct fct_str client_ip, action, symbol, id;
    int64_t since_ms;
    int32_t least_milli;
    bool has_least;
};
bool history_matches(const struct history_query *q, const struct history_entry *e);

void history_query_put(const struct history_query *q, struct buf *out);
struct ipc_reader;
void history_query_get(struct ipc_reader *r, struct history_query *q);

/* "ann@example.org" as "#6fa1c40b@example.org", or as it is when not `private`. */
struct fct_str history_address(struct arena *arena, struct fct_str address, const uint64_t key[2],
                               bool private);

#endif
