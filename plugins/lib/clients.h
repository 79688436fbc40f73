/* clients.h - which clients a plugin looks at, by lists of networks in its block such as
 * `skip_net`.
 *
 * An entry is a network, "192.0.2.0/24" or "2001:db8::/32", or an address; with "!" before it an
 * exception from the entries before: the last one that fits decides. A list that begins with an
 * exception has everybody else in it. */
#ifndef PLUGINS_LIB_CLIENTS_H
#define PLUGINS_LIB_CLIENTS_H

#include <facteur/plugin.h>

/* Are all entries written right? `key` is named in the error. */
FCT_MUST_CHECK bool clients_check(const char *key, const struct fct_strings *nets,
                                  struct fct_err *err);
/* Is this address in the list? An empty list has nobody in it; what is no address is in none. */
bool clients_have(const struct fct_strings *nets, struct fct_str ip);
/* A stranger: nobody logged in, no plugin accepted the client at `connect`, and its address, which
 * is known, is not in `skip`. */
bool clients_are_strangers(const struct fct_conn *conn, const struct fct_strings *skip);

#endif
