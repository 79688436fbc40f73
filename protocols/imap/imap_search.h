/* imap_search.h - SEARCH keys as a tree, and the question whether a message meets it (RFC
 * 9051 6.4.4).
 *
 * A message is judged with what is known of it so far: its record, its summary, its header, all of
 * it. What cannot be told yet is MAYBE, so most messages are decided without a question to the
 * store. Nothing here waits. */
#ifndef PROTOCOLS_IMAP_IMAP_SEARCH_H
#define PROTOCOLS_IMAP_IMAP_SEARCH_H

#include "core/message/summary.h"
#include "protocols/imap/imap_view.h"

#define IMAP_SEARCH_DEPTH 50 /* of NOT, OR and parentheses */
#define IMAP_SEARCH_KEYS  1000

enum imap_search_level { SEARCH_BY_RECORD, SEARCH_BY_SUMMARY, SEARCH_BY_HEADER, SEARCH_BY_MESSAGE };

enum imap_search_kind {
    SEARCH_ALL,
    SEARCH_NONE,
    SEARCH_AND, /* of its children */
    SEARCH_OR,
    SEARCH_NOT, /* of its one child */
    SEARCH_FLAG,
    SEARCH_KEYWORD,
    SEARCH_SET,
    SEARCH_LARGER,
    SEARCH_SMALLER,
    SEARCH_RECEIVED, /* INTERNALDATE in [from, to) */
    SEARCH_SENT,     /* Date: in [from, to) */
    SEARCH_FIELD,    /* a header field contains */
    SEARCH_BODY,
    SEARCH_TEXT,
};

struct imap_search_key {
    enum imap_search_kind kind;
    bool not ; /* UNSEEN and the like */
    uint16_t flag;
    struct fct_str text;  /* KEYWORD: its name; FIELD, BODY, TEXT: case folded, to be found */
    struct fct_str field; /* FIELD: its name */
    struct imap_indexes set;
    uint32_t number;
    int64_t from, to;
    struct imap_search_key *child, *next;
};

/* How the arguments become a tree. `resolve` turns sets into indexes (it knows "$"). */
struct imap_search_parser {
    struct arena *arena;
    bool (*resolve)(void *owner, const struct imap_sequence_set *set, bool uid,
                    struct imap_indexes *out, struct fct_err *err);
    void *owner;
    unsigned depth, keys;
};
/* search-key *(SP search-key), to the end of `in`: an AND. */
FCT_MUST_CHECK bool imap_search_parse(struct imap_search_parser *p, struct fct_str *in,
                                      struct imap_search_key **out, struct fct_err *err);

enum imap_search_answer { SEARCH_NO, SEARCH_YES, SEARCH_MAYBE };

struct imap_search_message {
    const struct hot_record *record;
    uint32_t index;
    enum imap_search_level level; /* what of the following is there */
    const struct summary *summary;
    struct fct_str bytes;          /* the header, or all */
    struct arena *arena;           /* for decoding; reset by the caller between messages */
    const struct fct_str *keyword; /* the account's table */
    size_t nkeywords;
};
enum imap_search_answer imap_search_judge(const struct imap_search_key *key,
                                          const struct imap_search_message *m);
/* The most that any key of the tree can ask for. */
enum imap_search_level imap_search_needs(const struct imap_search_key *key);

#endif
