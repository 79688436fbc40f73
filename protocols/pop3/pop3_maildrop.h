/* pop3_maildrop.h - the mailbox as POP3 sees it: a snapshot numbered from 1, marks for deletion,
 * and messages read ahead.
 *
 * There is no lock (RFC 1939 4 asks for one so that numbers and deletions stay true): the snapshot
 * keeps the numbers, and QUIT deletes by UID, so another session can neither shift a number nor get
 * the wrong message deleted. */
#ifndef PROTOCOLS_POP3_POP3_MAILDROP_H
#define PROTOCOLS_POP3_POP3_MAILDROP_H

#include "store/store_client.h"

struct pop3_maildrop;

FCT_MAY_WAIT FCT_MUST_CHECK bool pop3_maildrop_open(struct store *store, uint32_t principal,
                                                    struct pop3_maildrop **out,
                                                    struct fct_err *err);
void pop3_maildrop_free(struct pop3_maildrop **drop);

/* Messages without a mark, and their octets. */
uint32_t pop3_maildrop_count(const struct pop3_maildrop *drop);
uint64_t pop3_maildrop_octets(const struct pop3_maildrop *drop);
/* Highest number, marked or not. */
uint32_t pop3_maildrop_last(const struct pop3_maildrop *drop);
/* The record of message `number`; NULL when there is none or it is marked. */
const struct hot_record *pop3_maildrop_at(const struct pop3_maildrop *drop, uint32_t number);
uint32_t pop3_maildrop_uid_validity(const struct pop3_maildrop *drop);

void pop3_maildrop_mark(struct pop3_maildrop *drop, uint32_t number); /* of an unmarked message */
void pop3_maildrop_unmark_all(struct pop3_maildrop *drop);
uint32_t pop3_maildrop_marked(const struct pop3_maildrop *drop);
/* What is marked, as ranges of UIDs that live as long as the maildrop. */
struct uid_set pop3_maildrop_marked_uids(struct pop3_maildrop *drop);
/* Remove what is marked; true when that is durable. */
FCT_MAY_WAIT FCT_MUST_CHECK bool pop3_maildrop_update(struct pop3_maildrop *drop,
                                                      struct fct_err *err);

/* Read message `number` from its start in pieces. Those that follow it are asked for ahead when
 * messages are read one after the other. `whole`: false when probably only the beginning is wanted
 * (TOP): small pieces and nothing ahead. */
void pop3_maildrop_read(struct pop3_maildrop *drop, uint32_t number, bool whole);
/* The next piece; an empty one: the end. */
FCT_MAY_WAIT FCT_MUST_CHECK bool pop3_maildrop_piece(struct pop3_maildrop *drop,
                                                     struct fct_str *piece, struct fct_err *err);

#endif
