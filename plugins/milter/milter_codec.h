/* milter_codec.h - packets: u32 length (of what follows, network order), one letter, data. Replies
 * come from a program that may be hostile: every length is checked here, and what a parser returns
 * true for can be used as it is. */
#ifndef MILTER_CODEC_H
#define MILTER_CODEC_H

#include "milter_protocol.h"

#include <facteur/base.h>

#define MILTER_HEADER_BYTES 5u /* length and letter */

/* ---- what we send ---- */

/* Packets on their way out. Grows up to `max`; beyond it `failed` is set and stays. */
struct milter_out {
    char *p;
    size_t n, room, max;
    size_t start; /* of the packet being written */
    bool failed;
};

void milter_begin(struct milter_out *out, enum milter_command command);
void milter_put(struct milter_out *out, const void *bytes, size_t n);
void milter_put_u32(struct milter_out *out, uint32_t value);
/* With its NUL; a NUL inside ends it early, as every filter would see it. */
void milter_put_string(struct milter_out *out, struct fct_str s);
void milter_end(struct milter_out *out);
void milter_out_free(struct milter_out *out);

/* ---- what comes back ---- */

struct milter_reply {
    char kind;
    uint32_t index;             /* INSERT_HEADER, CHANGE_HEADER */
    struct fct_str name, value; /* headers */
    struct fct_str text;     /* an address, its parameters in `value`; a reason; a piece of body */
    unsigned code;           /* REPLY_CODE: 400 to 599 */
    struct fct_str enhanced; /* REPLY_CODE: "5.7.1", or empty */
};

/* `packet`: letter and data. False: *why says what is wrong with it, a sentence. */
FCT_MUST_CHECK bool milter_reply_parse(struct fct_str packet, struct milter_reply *out,
                                       const char **why);

/* What a filter answers to MILTER_NEGOTIATE. */
struct milter_options {
    uint32_t version, actions, protocol;
    struct fct_str macros[STAGE_COUNT]; /* names apart by spaces; .p NULL: not asked for */
};
/* `offered`: what we offered; an answer that asks for more is refused. */
FCT_MUST_CHECK bool milter_options_parse(struct fct_str packet,
                                         const struct milter_options *offered,
                                         struct milter_options *out, const char **why);

/* Bits that this version of the protocol knows. */
uint32_t milter_actions_of(uint32_t version);
uint32_t milter_protocol_of(uint32_t version);

#endif
