/* imap_dialogue.h - conversations with real sessions over real sockets, and the fake store behind
 * them.
 *
 * A script is lines:  "C: text"  sent with CRLF;  "S: text"  the next line of the server, '*'
 * matches anything; "2C: " "2S: "  the same for a second client;  "S! text"  read lines until one
 * matches; "end"  the server closes the connection. */
#ifndef TESTS_IMAP_DIALOGUE_H
#define TESTS_IMAP_DIALOGUE_H

#include "core/base/buf.h"

struct event_base;

struct server;
struct client;

struct server *server_new(const char *settings); /* lines of the `imap` block, or NULL */
void server_free(struct server **sv);
void server_run(struct server *sv);  /* one turn of the loop; waits at most 20 ms */
void server_turn(struct server *sv); /* one turn, without waiting */

struct client *client_new(struct server *sv);
void client_free(struct client **c);
void client_send(struct client *c, struct fct_str bytes);
/* The next line without its end; fails the test when none comes within 5 s. The view lives until
 * the next call. */
struct fct_str client_line(struct client *c);
/* Exactly n bytes. */
struct fct_str client_bytes(struct client *c, size_t n);
void client_expect_end(struct client *c);
bool line_matches(struct fct_str pattern, struct fct_str line);

/* From the greeting to the end of the script, with a server of its own. */
void run_script(const char *settings, const char *script);
/* "a LOGIN" and "b SELECT INBOX" done. */
struct client *client_selected(struct server *sv);

#endif
