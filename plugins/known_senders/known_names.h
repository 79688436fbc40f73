/* known_names.h - addresses and Message-IDs as they are compared, and the keys under which they are
 * remembered for a user. Pure but for the library of hashes. */
#ifndef PLUGINS_KNOWN_SENDERS_KNOWN_NAMES_H
#define PLUGINS_KNOWN_SENDERS_KNOWN_NAMES_H

#include <facteur/base.h>

/* Most that the configuration may ask for. */
enum { KNOWN_RECIPIENTS = 60, KNOWN_USERS = 20, KNOWN_REFERENCES = 10 };

enum { KNOWN_ADDRESS_MAX = 320, KNOWN_ID_MAX = 250, KNOWN_KEY_ROOM = 40 };

/* One address for one person: lower case, without what follows + (RFC 5233). Empty: it is none. */
struct fct_str known_address(struct fct_str local, struct fct_str domain,
                             char out[KNOWN_ADDRESS_MAX]);
/* The same of "local@domain". */
struct fct_str known_mailbox(struct fct_str address, char out[KNOWN_ADDRESS_MAX]);

/* The next <…> of a field with Message-IDs (RFC 5322 3.6.4), without the brackets; *field moves
 * behind it. Empty: there are no more. One that is longer than any we remember is passed over. */
struct fct_str known_next_id(struct fct_str *field);

enum known_kind { KNOWN_PERSON, KNOWN_MESSAGE };
/* False: no memory. */
FCT_MUST_CHECK bool known_key(const char *secret, enum known_kind kind, struct fct_str account,
                              struct fct_str name, char out[KNOWN_KEY_ROOM]);

#endif
