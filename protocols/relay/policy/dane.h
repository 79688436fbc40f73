/* dane.h - certificates by the DNS (RFC 6698, RFC 7671), as mail uses them (RFC 7672): which TLSA
 * records count, and whether a server's chain matches. The matching is OpenSSL's.
 *
 * Only what DNSSEC proved counts: the MX records, the addresses of the host and the TLSA records
 * all `authentic`, or it is as if there were none (RFC 7672 2.2). A TLSA answer that is forged or
 * does not come is no answer: the host is not used (RFC 7672 2.1). */
#ifndef PROTOCOLS_RELAY_POLICY_DANE_H
#define PROTOCOLS_RELAY_POLICY_DANE_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include <facteur/plugin.h>
#include <openssl/ssl.h>

#define DANE_RECORDS_MAX 32u   /* of one host; more are left out */
#define DANE_DATA_MAX    8192u /* bytes of a record: a whole certificate fits */

/* RFC 6698 2.1; in the words of RFC 7218 */
enum { TLSA_PKIX_TA, TLSA_PKIX_EE, TLSA_DANE_TA, TLSA_DANE_EE };
enum { TLSA_CERT, TLSA_SPKI };
enum { TLSA_FULL, TLSA_SHA256, TLSA_SHA512 };

struct tlsa_record {
    uint8_t usage, selector, matching;
    struct fct_str data;
};
/* From the wire (RFC 6698 2.1). False: too short, too long, or a digest of the wrong length. */
FCT_MUST_CHECK bool tlsa_record_parse(struct fct_str wire, struct tlsa_record *out);
/* Does mail know what to do with it? Usage 2 or 3, selector 0 or 1, matching 0, 1 or 2
 * (RFC 7672 3.1.3). */
bool tlsa_record_is_usable(const struct tlsa_record *record);
/* "3 1 1 0123…" */
struct fct_str tlsa_record_show(struct arena *arena, const struct tlsa_record *record);
/* The record of a certificate of ours, "3 1 1 …" (RFC 7672 3.1.1) without hex: into `arena`. */
FCT_MUST_CHECK bool tlsa_record_of(struct arena *arena, X509 *certificate, struct tlsa_record *out);

enum dane_state {
    DANE_ABSENT,   /* nothing authentic: TLS as if DANE did not exist */
    DANE_UNUSABLE, /* authentic records, none of them known: TLS, but any certificate (2.2) */
    DANE_USABLE,   /* TLS, and the certificate must match */
    DANE_FAILED,   /* forged, or the DNS does not answer: not this host, not now */
};
struct dane_host {
    enum dane_state state;
    struct fct_str base;              /* the name without "_25._tcp.": SNI, and what certificates
                                         must be for */
    const struct tlsa_record *record; /* the usable ones; OpenSSL minds the strength of digests (RFC
                                         7671 9) */
    size_t n;
    const char *why; /* of DANE_FAILED and DANE_UNUSABLE, static */
};

/* How to ask the DNS: dns_resolve() in the relay, tables in tests. */
struct dane_dns {
    FCT_MAY_WAIT bool (*ask)(void *ctx, enum fct_dns_type type, struct fct_str name,
                             struct fct_dns_answer *out);
    void *ctx;
};
/* What is known of a host that was found by `mx_authentic` records and has `addresses` (one answer,
 * or the worse of A and AAAA: the one that is not authentic). Asks below the name at the end of its
 * CNAMEs, then below its own (RFC 7672 2.2.2). */
FCT_MAY_WAIT void dane_find(const struct dane_dns *dns, struct arena *arena, struct fct_str host,
                            uint16_t port, bool mx_authentic,
                            const struct fct_dns_answer *addresses, struct dane_host *out);
/* One TLSA answer taken apart: the rule of dane_find without the asking. */
void dane_from_answer(struct arena *arena, struct fct_str base, const struct fct_dns_answer *answer,
                      struct dane_host *out);

/* Once per context of the client's side. */
FCT_MUST_CHECK bool dane_context_prepare(SSL_CTX *context, struct fct_err *err);
/* Before the handshake, for DANE_USABLE: the records, SNI and the names a certificate under a trust
 * anchor may have: the base, and the next-hop domain (RFC 7672 3.2.2; empty: none). *taken: records
 * that OpenSSL could read; with none of them it is as DANE_UNUSABLE. */
FCT_MUST_CHECK bool dane_connection_prepare(SSL *ssl, const struct dane_host *host,
                                            struct fct_str next_hop, size_t *taken,
                                            struct fct_err *err);
/* After the handshake: did the chain match? err has FCT_DENIED and the reason otherwise. */
FCT_MUST_CHECK bool dane_connection_matched(SSL *ssl, struct fct_err *err);

#endif
