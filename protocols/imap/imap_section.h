/* imap_section.h - BODY[…] and BINARY[…]: what is asked for, and where it lies in a message (RFC
 * 9051 6.4.5, 6.4.5.1). */
#ifndef PROTOCOLS_IMAP_IMAP_SECTION_H
#define PROTOCOLS_IMAP_IMAP_SECTION_H

#include "core/message/summary.h"
#include "protocols/imap/imap_parse.h"

#define IMAP_MAX_PART_DEPTH    100  /* as deep as the scanner goes (core/message/mime.h) */
#define IMAP_MAX_HEADER_FIELDS 1000 /* names in one HEADER.FIELDS */

enum imap_section_what {
    SECTION_BODY, /* the part itself; without numbers the whole message */
    SECTION_HEADER,
    SECTION_FIELDS, /* HEADER.FIELDS (…) */
    SECTION_FIELDS_NOT,
    SECTION_TEXT,
    SECTION_MIME,
};

struct imap_section {
    enum imap_section_what what;
    const uint32_t *number; /* part numbers from the outside in */
    size_t depth;
    const struct fct_str *field; /* names of HEADER.FIELDS */
    size_t nfields;
    bool partial; /* <offset.length> */
    uint64_t offset, length;
    bool peek, binary, size_only; /* BODY.PEEK[…], BINARY[…], BINARY.SIZE[…] */
    struct fct_str label;         /* how the answer calls it: "BODY[1.MIME]<0>" */
};

/* From behind "BODY", "BODY.PEEK", "BINARY", "BINARY.PEEK" or "BINARY.SIZE" to the end of the
 * partial; the flags peek, binary and size_only are the caller's and are set before. */
FCT_MUST_CHECK bool imap_section_parse(struct fct_str *in, struct arena *arena,
                                       struct imap_section *section);

/* Where it lies. False: the message has no such part; the answer is NIL. */
struct imap_span {
    uint64_t offset, length;
    enum transfer transfer; /* of the part, for BINARY */
};
bool imap_section_find(const struct imap_section *section, const struct summary *message,
                       struct imap_span *out);
/* Does finding it need the message's summary? Only the whole message does not. */
static inline bool imap_section_needs_summary(const struct imap_section *section)
{
    return section->what != SECTION_BODY || section->depth > 0;
}
/* Cut [0, length) to the section's partial. */
void imap_section_clip(const struct imap_section *section, uint64_t *offset, uint64_t *length);
/* The fields that are asked for, each with its bytes as stored, then an empty line (RFC
 * 9051 6.4.5.1). */
void imap_section_filter(const struct imap_section *section, struct fct_str header,
                         struct arena *arena, struct buf *out);

#endif
