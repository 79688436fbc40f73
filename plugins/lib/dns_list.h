/* dns_list.h - the table of DNS lists (RFC 5782) in a plugin's block: which list is asked about
 * what, and what its answers mean. Pure: it asks nobody.
 *
 * A row is one line of words:
 *
 *   ZONE  ITEM  ANSWER  SYMBOL  SCORE  SENTENCE…
 *   zen.spamhaus.org    ip                        127.0.0.4-7  SPAMHAUS_XBL  4.0  a captured
 * machine list.dnswl.org      ip                        127.0.*.3    DNSWL_HIGH   -3.0
 *   multi.example.org   url:org                   127.0.0.&8   PHISHING      5.0
 *   multi.example.org   url:org                   127.0.0.1    blocked
 *   ebl.msbl.org        reply-to-address/sha1     any          EBL           3.0
 *
 * ITEM: a word of the plugin's; ":org" asks about its registrable domain, "/md5", "/sha1" (both
 * hexadecimal) or "/sha256-base32" about its digest. ANSWER: four numbers, each a
 * number, a range, "*", or "&" and a mask of which a bit must be set; "any" is any that is not
 * "blocked". Rows of the same ZONE and ITEM ask one question. "blocked" in place of a symbol is
 * what a list says to those it does not serve; 127.255.255.* always is. */
#ifndef PLUGINS_LIB_DNS_LIST_H
#define PLUGINS_LIB_DNS_LIST_H

#include <facteur/conf.h>
#include <facteur/plugin.h>

#define DNS_LIST_ROWS_MAX 500u
#define DNS_LIST_NAME_MAX 253u

enum dns_list_kind {
    DNS_LIST_ADDRESS, /* an IP address, asked about backwards (RFC 5782 2.1, 2.4) */
    DNS_LIST_NAME,    /* of a host or domain (RFC 5782 3) */
    DNS_LIST_MAILBOX, /* local@domain; only as a digest */
};
/* What a plugin can be asked to look at. A table ends with a NULL word. */
struct dns_list_item {
    const char *word;
    enum dns_list_kind kind;
};

enum dns_list_hash {
    DNS_LIST_PLAIN,
    DNS_LIST_MD5,
    DNS_LIST_SHA1,
    DNS_LIST_SHA256_BASE32,
    DNS_LIST_HASHES
};

/* One number of an answer. */
struct dns_list_octet {
    uint8_t low, high;
    uint8_t mask; /* 0: low to high; else one of its bits */
};

struct dns_list_row {
    char *text; /* the row, cut into the strings below */
    const char *zone;
    size_t zone_at; /* in table.zone */
    size_t item;    /* in the plugin's table */
    bool org;
    enum dns_list_hash hash;
    size_t list; /* the first row with the same zone, item, org and hash */
    struct dns_list_octet octet[4];
    bool any;
    bool blocked;
    const char *symbol; /* NULL: blocked */
    double score;
    const char *about; /* may be empty */
};

struct dns_list_table {
    const struct dns_list_item *items;
    struct dns_list_row *row;
    size_t n;
    const char **zone;
    size_t zones;
};

/* Fails SYNTAX, with the row and what is wrong with it. */
FCT_MUST_CHECK bool dns_list_table_read(const struct fct_strings *rows,
                                        const struct dns_list_item *items,
                                        struct dns_list_table *out, struct fct_err *err);
void dns_list_table_free(struct dns_list_table *table);

/* The name to ask for `value`, the item of this row in plain text; empty: nothing that a list could
 * have, such as a private address or an odd name. */
struct fct_str dns_list_name(const struct dns_list_table *table, const struct dns_list_row *row,
                             struct fct_str value, char out[DNS_LIST_NAME_MAX + 1]);

/* What every list must have, or must not (RFC 5782 5); of names there is nothing that all have in
 * fact. Empty: digests have no test entries. */
struct fct_str dns_list_test_name(const struct dns_list_table *table,
                                  const struct dns_list_row *row, bool listed,
                                  char out[DNS_LIST_NAME_MAX + 1]);

enum dns_list_answer {
    DNS_LIST_NOTHING,
    DNS_LIST_HIT,
    DNS_LIST_BLOCKED, /* the list does not serve us: nothing is known */
    DNS_LIST_STRANGE, /* no answer of a list (RFC 5782 2.1: 127.0.0.0/8): somebody in between lies
                       */
};
/* What one A record of a list (a row's `list`) means; a hit of which row, dns_list_is_hit says. */
enum dns_list_answer dns_list_judge(const struct dns_list_table *table, size_t list,
                                    struct fct_str address);
bool dns_list_is_hit(const struct dns_list_row *row, struct fct_str address);

#endif
