/* tracker_list.h - who watches readers, and how: a readable file of ours, see trackers.list.
 *
 *   version 2026-11-22
 *   pixel HOST/PATH COMPANY            an image that is asked for when a message is read
 *   param NAME [HOST…]                 a parameter of links that only says who clicked
 *   unwrap HOST/PATH HOW WHAT [SCHEME] a redirect whose target stands in the URL itself: HOW is
 *                                      query (of the parameter WHAT), base64 (likewise, encoded),
 *                                      segment (the WHATth of the path, from 1), segment64
 *                                      (likewise, encoded) or rest (from there on). SCHEME stands
 *                                      in front when the target has none.
 *
 * HOST: itself and all below it; "*" is anything. PATH: path and query from their first byte on,
 * capitals or not; it ends where a word does. # begins a comment. */
#ifndef PLUGINS_TRACKERS_TRACKER_LIST_H
#define PLUGINS_TRACKERS_TRACKER_LIST_H

#include <facteur/base.h>

enum tracker_row_kind { TRACKER_PIXEL, TRACKER_PARAM, TRACKER_UNWRAP };
enum tracker_how {
    TRACKER_QUERY,
    TRACKER_BASE64,
    TRACKER_SEGMENT,
    TRACKER_SEGMENT64,
    TRACKER_REST
};

struct tracker_row {
    enum tracker_row_kind kind;
    struct fct_str host, path, company;
    struct fct_str key; /* what is looked up: see tracker_list.c */
    bool anywhere;      /* of whatever host: its path alone tells */
    enum tracker_how how;
    struct fct_str what, scheme;
    unsigned segment;
    bool off; /* an admin wants this company left alone */
};

struct tracker_list {
    struct tracker_row *row;
    size_t n, room;
    char *text[8]; /* the files, which rows are views of */
    size_t texts;
    struct fct_str version;
    uint32_t *slot; /* of the hash table: 1 + the first row with a key; 0: none */
    size_t mask;    /* slots - 1 */
    size_t wild[3]; /* of each kind the first row that has no key; n: none */
};

/* What was asked about a page so far: its hosts and names of parameters come again and again. Zeros
 * at first; texts must stay. */
struct tracker_memo {
    struct tracker_known_host {
        enum tracker_row_kind kind;
        struct fct_str host;
        size_t first[4]; /* rows, of the ends of the host that are keys, shortest first */
        size_t n;
    } host[8];
    size_t hosts; /* the next one takes the oldest one's place */
    struct tracker_known_name {
        struct fct_str host, name;
        bool strips;
    } name[32];
};

/* One more file; `name` is for errors. At most 8 files, 100,000 rows. */
FCT_MUST_CHECK bool tracker_list_read(struct tracker_list *list, struct fct_str text,
                                      const char *name, struct fct_err *err);
/* Once, after the last file and before the first question. False: no memory. */
FCT_MUST_CHECK bool tracker_list_sort(struct tracker_list *list);
void tracker_list_free(struct tracker_list *list);
/* False: nobody in the list is called so. */
FCT_MUST_CHECK bool tracker_list_switch_off(struct tracker_list *list, struct fct_str company);

/* memo may be NULL. host: lower case. target: path and query as they stand in the URL. NULL: no row
 * fits. */
const struct tracker_row *tracker_list_find(const struct tracker_list *list,
                                            struct tracker_memo *memo, enum tracker_row_kind kind,
                                            struct fct_str host, struct fct_str target);
bool tracker_list_strips(const struct tracker_list *list, struct tracker_memo *memo,
                         struct fct_str host, struct fct_str name);

#endif
