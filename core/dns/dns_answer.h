/* dns_answer.h - a message of the DNS (RFC 1035 4.1) taken apart: nothing in it is trusted, least
 * of all a length. */
#ifndef CORE_DNS_DNS_ANSWER_H
#define CORE_DNS_DNS_ANSWER_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/dns/dns_name.h"
#include <facteur/plugin.h>

/* What answers the question `name` and `type` in `message`: status OK, NO_NAME, NO_DATA or FAILED
 * (with why), ttl, canonical name at the end of the CNAMEs, records as struct fct_dns_record says.
 * Copies into `arena`. False, and FAILED, when the message is malformed, answers another question
 * or has more than max_records records. `authentic` is left alone. */
bool dns_answer_parse(struct arena *arena, struct fct_str message, const struct dns_name *name,
                      enum fct_dns_type type, uint32_t max_records, struct fct_dns_answer *out);

/* The status in words ("no such name") and as a word ("no_name"). */
const char *dns_status_text(enum fct_dns_status status);
const char *dns_status_word(enum fct_dns_status status);
FCT_MUST_CHECK bool dns_status_from_word(struct fct_str word, enum fct_dns_status *out);
/* "TXT"; NULL for types without a name here. */
const char *dns_type_name(uint32_t type);
/* The text of a TXT record, in quotes and pieces of at most 255 bytes. */
struct fct_str dns_text_show(struct arena *arena, struct fct_str text);
/* Text of a record as it stands in a zone file, for people. */
struct fct_str dns_record_show(struct arena *arena, uint32_t type,
                               const struct fct_dns_record *record);

#endif
