/* phishing_text.h - which host a link's text names, which URLs hide in another, and hosts that are
 * no destination of their own: click counters, redirectors, shorteners. Pure. */
#ifndef PLUGINS_PHISHING_PHISHING_TEXT_H
#define PLUGINS_PHISHING_PHISHING_TEXT_H

#include <facteur/base.h>

/* The host that a reader of `shown` expects to reach: of a URL or "www.…" among its words, or a
 * domain of a well-known ending that is all there is. False: it names none ("Click here",
 * "report.pdf", "anna@example.org"). */
bool phishing_shown_host(struct fct_str shown, struct fct_str *host);

/* The next URL inside `text` (a path or query), %XX undone, from *at on, which moves behind it; its
 * length in `out`, cut at `room`; 0: no more. */
size_t phishing_embedded_url(struct fct_str text, size_t *at, char *out, size_t room);

/* By registrable domain or host, lower case. */
bool phishing_is_tracker(struct fct_str host);   /* counts clicks for others, or guards them */
bool phishing_is_shortener(struct fct_str host); /* "bit.ly" */

/* Does a URL's user part look like a host ("www.paypal.com@evil.example")? */
bool phishing_looks_like_host(struct fct_str user);

/* "javascript:" or "data:text/html" as browsers read it: control characters and spaces inside are
 * nothing. */
enum phishing_scheme { PHISHING_SCHEME_OTHER, PHISHING_SCHEME_SCRIPT, PHISHING_SCHEME_DATA };
enum phishing_scheme phishing_scheme_of(struct fct_str url);

/* Characters that turn the direction of others (U+202D, U+202E). */
bool phishing_turns_text(struct fct_str text);

#endif
