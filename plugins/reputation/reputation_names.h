/* reputation_names.h - for whom a message stands: the names that its reputation is made of. Of
 * domains and senders only those that SPF or DKIM vouches for. */
#ifndef PLUGINS_REPUTATION_REPUTATION_NAMES_H
#define PLUGINS_REPUTATION_REPUTATION_NAMES_H

#include "reputation_asn.h"
#include "reputation_conf.h"
#include "reputation_store.h"

struct reputation_name {
    enum reputation_kind kind;
    struct fct_str text; /* for people; lives as the transaction */
    char key[REPUTATION_KEY_ROOM];
};

struct reputation_names {
    struct reputation_name name[REPUTATION_NAMES];
    size_t n;
};

/* What they are read from. */
struct reputation_reading {
    const struct fct_host *host;
    struct fct_call *call;
    const struct reputation_conf *conf;
    struct reputation_asn *asn; /* NULL: no database */
};
void reputation_names_read(const struct reputation_reading *reading, struct reputation_names *out);

/* One address for one person: lower case, without what follows + (RFC 5233). Empty: the address is
 * made for one message (VERP, BATV, SRS: "=" in the local part), or is none. `out` has room for
 * address.n bytes. */
struct fct_str reputation_sender(struct fct_str address, char *out);

#endif
