/* clamd_reply.h - what clamd answers (clamd(8), "COMMANDS"). */
#ifndef PLUGINS_CLAMAV_CLAMD_REPLY_H
#define PLUGINS_CLAMAV_CLAMD_REPLY_H

#include <facteur/conf.h>

enum clamd_answer {
    CLAMD_CLEAN,
    CLAMD_FOUND,   /* text is the name of the signature */
    CLAMD_TOO_BIG, /* beyond clamd's StreamMaxLength */
    CLAMD_ERROR,   /* text is what it said */
};
struct clamd_reply {
    enum clamd_answer answer;
    struct fct_str text;
};

/* `line` without its final zero byte: "stream: OK", "stream: Eicar-Signature FOUND",
 * "INSTREAM size limit exceeded. ERROR". */
void clamd_reply_read(struct fct_str line, struct clamd_reply *out);

/* Does the name begin as one of the list does, in the same case? */
bool clamd_name_begins(const struct fct_strings *list, struct fct_str name);

/* The length before a piece of INSTREAM: four bytes, the greatest first. */
void clamd_length(uint32_t n, char out[4]);

#endif
