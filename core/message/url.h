/* url.h - a URL as browsers read it (URL standard 4.4), so that a rule sees the host a click would
 * reach, however it is written: nothing here fetches or asks the DNS.
 *
 * Undone or made uniform: tabs and line ends inside, backslashes for slashes, any number of slashes
 * behind "http:", letter case and percent-encoding of the host, "0x7f.1" and other spellings of
 * IPv4, dot segments, a default port, one dot behind the host. Characters that do not belong are
 * percent-encoded. */
#ifndef CORE_MESSAGE_URL_H
#define CORE_MESSAGE_URL_H

#include "core/base/arena.h"
#include <facteur/plugin.h>

/* False: not a URL with a scheme and a host ("mailto:", "data:", "cid:" have none).
 *
 * out->text is `text`; all else is in the arena. user: everything before '@'. host: A-labels by
 * UTS 46 without transitional forms; IPv6 without brackets. port: 0 for the scheme's own. org stays
 * empty: see core/dns/psl.h. */
bool url_parse(struct arena *arena, struct fct_str text, struct fct_url *out);

/* The same for a URL in which nothing is to be undone, as nearly all are: all is views of `text`.
 * False: it may be one all the same, ask url_parse. */
bool url_view(struct fct_str text, struct fct_url *out);

/* What `text` means in a document at `base`; NULL when that is not known: then only absolute URLs
 * and
 * "//host/path" (read as https) are URLs. out->text is `text` all the same. */
bool url_parse_in(struct arena *arena, const struct fct_url *base, struct fct_str text,
                  struct fct_url *out);

/* Written out again: parses to the same. */
struct fct_str url_print(struct arena *arena, const struct fct_url *url);

/* %XX undone. */
struct fct_str url_unescape(struct arena *arena, struct fct_str s);

/* The length of the lower-case host name in front of the first "/", of which nothing is to be made;
 * 0: there is none. */
size_t url_plain_host(struct fct_str text);

/* The host alone, as url_parse makes it. False: no host name and no address. */
bool url_host(struct arena *arena, struct fct_str text, struct fct_str *host,
              struct fct_str *display);

#endif
