/* dkim_host.h - what the plugins that use the engine, dkim and arc, do with the host in the same
 * way: memory of the message, the hash of its body, words for facts and symbols. */
#ifndef DKIM_HOST_H
#define DKIM_HOST_H

#include "plugins/dkim/dkim_digest.h"
#include "plugins/dkim/dkim_text.h"

#include <facteur/plugin.h>

struct dkim_call {
    const struct fct_host *host;
    struct fct_call *call;
};

/* Memory of the message; `of` must live as long as what is returned. */
struct dkim_memory dkim_call_memory(struct dkim_call *of);

/* Fact "dkim.body", "relaxed sha-256 BASE64": the hash of the whole body of the message as it came,
 * in the form that nearly everybody signs, so that it is hashed once. False: nobody left it. */
bool dkim_body_fact(const struct dkim_call *of, uint8_t out[DKIM_HASH_BYTES]);
void dkim_body_fact_leave(const struct dkim_call *of, const uint8_t hash[DKIM_HASH_BYTES]);

#define DKIM_PRINTED_MAX 900
/* For facts and details, in memory of the message; cut at DKIM_PRINTED_MAX bytes, empty without
 * memory. */
struct fct_str dkim_printed(const struct dkim_call *of, const char *fmt, ...) FCT_PRINTF(2, 3);

/* Is it among the names of a setting, fields or domains? In any case. */
bool dkim_names_have(const struct fct_strings *names, struct fct_str name);
/* Fails SYNTAX, in the words of the key `oversign`: a signature covers From (RFC 6376 5.4). */
FCT_MUST_CHECK bool dkim_covers_from(const struct fct_strings *oversign, struct fct_err *err);

#endif
