/* fuzzy_store.h - how sketches lie in Redis, and the two scripts that read and change them. Pure:
 * who sends them is the caller's business.
 *
 *   fct:f:{fuzzy}:G                    hash: n, how many texts, shapes and attachments are known
 *   fct:f:{fuzzy}:G:t0 … t31:BUCKET    hash: 4 bytes, the number at that position of a text's
 *                                      sketch -> ids of texts that have it, 8 bytes each, at most 4
 *   fct:f:{fuzzy}:G:h0 … h31:BUCKET    the same of shapes of HTML
 *   fct:f:{fuzzy}:G:d:BUCKET           hash: id -> who said what of it: for each 1 byte s or h, 8
 *                                      bytes who, 2 bytes how often
 *   fct:f:{fuzzy}:G:l                  hash: 16 bytes digest of a learned message and 8 bytes who
 *                                      -> class, and which of its marks were counted; S or H
 *                                      alone: moved there, which took back what was learned
 *   fct:f:{fuzzy}:G:b                  65,536 bits for each position: the lower halves of all
 *                                      numbers that were ever learned (fuzzy_memory.h)
 *   fct:f:{fuzzy}:G:v                  number of the last addition. The first one is the time in
 *                                      microseconds: a Redis that was wiped counts anew
 *
 * G is a generation, half of `keep`: this one and the one before are read, and Redis forgets whole
 * generations by itself. Small hashes are listpacks: a text takes about 0.6 KiB. All keys have one
 * hash tag, so that one script call reaches them (Redis Cluster). */
#ifndef PLUGINS_FUZZY_FUZZY_STORE_H
#define PLUGINS_FUZZY_FUZZY_STORE_H

#include "fuzzy_message.h"

/* Who taught it: the site (all zero) or an account, whose address is not seen in Redis. */
struct fuzzy_who {
    unsigned char tag[8];
};
struct fuzzy_who fuzzy_who_of(uint64_t key, struct fct_str account); /* empty: the site */

/* What a script is called with. The views point into the struct. */
struct fuzzy_question {
    struct fct_str key[2], arg[14];
    size_t keys, args;
    char name[2][48], number[5][24];
    struct fct_str word[3];
    unsigned char text[4 * FUZZY_POSITIONS], html[4 * FUZZY_POSITIONS];
    unsigned char text_id[FUZZY_ID_BYTES], html_id[FUZZY_ID_BYTES];
    unsigned char attachments[FUZZY_ID_BYTES * FUZZY_ATTACHMENTS_MAX], who[8], digest[24];
};

struct fuzzy_times {
    int64_t now, keep_s;
};
int64_t fuzzy_generation(struct fuzzy_times at);

/* ---- reading ---- */

/* First, whether something was added at all: q->word is a command. */
void fuzzy_ask_versions(struct fuzzy_question *q, struct fuzzy_times at);
/* Of this generation and the one before; 0: nothing. False: it is no answer. */
FCT_MUST_CHECK bool fuzzy_versions(const struct fct_redis_reply *reply, uint64_t version[2]);
/* The bits of one generation: q->word is a command of two words. */
void fuzzy_ask_bits(struct fuzzy_question *q, int64_t generation);
/* Where a number stands among them. */
static inline uint32_t fuzzy_bit(unsigned position, uint32_t value)
{
    return position << 16 | (value & 0xffff);
}

extern const struct fct_redis_script fuzzy_look_script;
void fuzzy_look(struct fuzzy_question *q, struct fuzzy_times at, const struct fuzzy_marks *marks,
                unsigned text_matches, unsigned html_matches);

enum fuzzy_kind { FUZZY_KIND_TEXT, FUZZY_KIND_HTML, FUZZY_KIND_ATTACHMENT, FUZZY_KINDS };
/* Something learned that is like a mark of the message. */
struct fuzzy_hit {
    enum fuzzy_kind kind;
    unsigned matches; /* of an attachment: which one */
    struct fct_str teachers;
};
#define FUZZY_HITS_MAX 64
/* How many; those that are no answer of the script are left out. */
size_t fuzzy_looked(const struct fct_redis_reply *reply, struct fuzzy_hit out[FUZZY_HITS_MAX]);

/* What one of the teachers said of it: 's', 'h', or 0 for nothing. */
char fuzzy_said_by(const struct fuzzy_hit *hit, const struct fuzzy_who *who);
/* What everybody holds it for: the site's word, else the class that `users_needed` users or more
 * gave it, spam only when fewer called it wanted; 0: nothing. */
char fuzzy_said_by_all(const struct fuzzy_hit *hit, unsigned users_needed);

/* ---- learning ---- */

/* Why somebody learns decides what becomes of a message known as the opposite. */
enum fuzzy_why {
    FUZZY_SAID,    /* a person said so: learned anew */
    FUZZY_MOVED,   /* moved there: what was learned is taken back, which restores what was before */
    FUZZY_CAME,    /* appended: as moved, and only spam is news */
    FUZZY_GUESSED, /* by the score: what is known stays */
};
enum fuzzy_learned { FUZZY_KNOWN, FUZZY_LEARNED, FUZZY_TAKEN_BACK, FUZZY_LEARNED_ANEW, FUZZY_FULL };

struct fuzzy_lesson {
    bool spam;
    enum fuzzy_why why;
    struct fuzzy_who who;
    unsigned char digest[16];
    unsigned max_learned, max_teachers;
};
extern const struct fct_redis_script fuzzy_learn_script;
void fuzzy_learn(struct fuzzy_question *q, struct fuzzy_times at, const struct fuzzy_marks *marks,
                 const struct fuzzy_lesson *lesson);
FCT_MUST_CHECK bool fuzzy_learned(const struct fct_redis_reply *reply, enum fuzzy_learned *out);
const char *fuzzy_learned_text(enum fuzzy_learned what);

/* ---- forgetting a user ---- */

/* Each of these steps is asked, from cursor 0 on until the answer's cursor is 0 again
 * (plugins/lib/redis_scan.h). */
#define FUZZY_FORGET_STEPS 514u
extern const struct fct_redis_script fuzzy_forget_script;
void fuzzy_forget(struct fuzzy_question *q, struct fuzzy_times at, unsigned step, uint64_t cursor,
                  const struct fuzzy_who *who);

#endif
