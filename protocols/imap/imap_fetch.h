/* imap_fetch.h - one FETCH while it runs: between imap_fetch.c (items) and imap_fetch_body.c (bytes
 * of messages). */
#ifndef PROTOCOLS_IMAP_IMAP_FETCH_H
#define PROTOCOLS_IMAP_IMAP_FETCH_H

#include "protocols/imap/imap_section.h"
#include "protocols/imap/imap_summaries.h"

#define IMAP_MAX_SECTIONS 256 /* BODY[…] items of one FETCH */

#define FETCH_UID           1u
#define FETCH_FLAGS         2u
#define FETCH_INTERNALDATE  4u
#define FETCH_SIZE          8u
#define FETCH_ENVELOPE      16u
#define FETCH_BODY          32u
#define FETCH_BODYSTRUCTURE 64u

struct imap_fetch {
    struct imap_session *s;
    struct arena *arena; /* of the batch in hand */
    unsigned items;      /* FETCH_* */
    struct imap_section *section;
    size_t nsections;
    bool needs_summary;
    struct imap_indexes messages;
    struct imap_indexes newly_seen; /* got \Seen from this command: their FLAGS are told */
    bool gone;                      /* some messages were expunged meanwhile */
    struct fct_err failed;          /* the first other reason why a message could not be read */
};

/* "* n FETCH (" and the items that need no bytes of the message; the caller adds sections and ")".
 */
void imap_fetch_put_items(struct imap_fetch *f, const struct imap_message *m);
/* The whole answers for messages with sections, reading ahead. False: the client is gone. */
FCT_MAY_WAIT bool imap_fetch_bodies(struct imap_fetch *f, const struct imap_message *m, size_t n);

/* A part that BINARY or BINARY.SIZE asks for. */
struct imap_binary {
    uint32_t uid;
    uint64_t offset, length; /* encoded, in the message */
    enum transfer transfer;
};
/* Its decoded bytes as nstring or literal8, or their number. *sent: some of it may have left
 * already, there is no way back. */
FCT_MAY_WAIT FCT_MUST_CHECK bool imap_fetch_put_binary(struct imap_fetch *f,
                                                       const struct imap_section *section,
                                                       const struct imap_binary *part, bool *sent,
                                                       struct fct_err *err);

#endif
