/* dns_name.h - names of the DNS: from what people write to a question, from the wire to text.
 *
 * Text here has no final dot and is in lower case (RFC 4343: case says nothing), so that comparing
 * bytes compares names. Bytes that would be mistaken for something else stand as \DDD (RFC 1035
 * 5.1): a dot inside a label is "\046". The root is the empty text. */
#ifndef CORE_DNS_DNS_NAME_H
#define CORE_DNS_DNS_NAME_H

#include "core/base/arena.h"
#include "core/base/err.h"

#define DNS_NAME_MAX 1020 /* 255 bytes of the wire, each as \DDD at worst */

struct dns_name {
    char text[DNS_NAME_MAX + 1]; /* a NUL follows */
    size_t n;
};

/* A name to ask for. One final dot is taken off, labels in UTF-8 become A-labels (RFC 5891), any
 * other byte but a dot and NUL stands for itself (no escapes: local parts of addresses come here
 * too). Fails SYNTAX: empty labels, labels over 63 or names over 253 bytes (RFC 1035 2.3.4). */
FCT_MUST_CHECK bool dns_name_parse(struct fct_str text, struct dns_name *out, struct fct_err *err);

/* The name at *at of a message, moved behind it. Pointers only lead backwards (RFC 1035 4.1.4).
 * `wire` may be NULL; else it gets the name uncompressed. */
struct dns_wire_name {
    uint8_t byte[255];
    size_t n;
};
FCT_MUST_CHECK bool dns_name_read(struct fct_str message, size_t *at, struct dns_name *out,
                                  struct dns_wire_name *wire);

static inline struct fct_str dns_name_str(const struct dns_name *name)
{
    return (struct fct_str){name->text, name->n};
}

#endif
