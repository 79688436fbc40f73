/* reputation_store.h - what lies in Redis, and the scripts that change it. Pure: who sends them is
 * the caller's business.
 *
 *   fct:{rep}:K<16 hex>   counters of a name of kind K: four doubles (reputation_count.h)
 *   fct:{rep}:m<32 hex>   a message, by digest: what was counted for it, when, and for which names
 *   …:<16 hex>            the same of one user: what he has said counts for him alone
 *
 * {rep} is a hash tag (Redis Cluster): the scripts reach all of it. Names are hashed with the
 * site's secret; nobody who reads the database learns whose they are. */
#ifndef PLUGINS_REPUTATION_REPUTATION_STORE_H
#define PLUGINS_REPUTATION_REPUTATION_STORE_H

#include <facteur/plugin.h>

#define REPUTATION_WEEK_S   604800
#define REPUTATION_SEASON_S 5184000
#define REPUTATION_LANDMARK 2208988800 /* 2040-01-01, see reputation_count.h */

enum reputation_kind {
    REPUTATION_NET,
    REPUTATION_ASN,
    REPUTATION_DKIM,
    REPUTATION_SPF,
    REPUTATION_URL,
    REPUTATION_SENDER,
    REPUTATION_KINDS
};

#define REPUTATION_PREFIX   "fct:{rep}:"
#define REPUTATION_KEY_ROOM 64
#define REPUTATION_NAMES    32 /* of a message */
#define REPUTATION_USERS    8  /* of its recipients, whose own counters are asked */
#define REPUTATION_TAG_ROOM 20

/* What is said of a message. */
enum reputation_class { REPUTATION_UNSURE, REPUTATION_SPAM, REPUTATION_HAM };

/* False: no memory. */
FCT_MUST_CHECK bool reputation_key(const char *secret, enum reputation_kind kind,
                                   struct fct_str name, char out[REPUTATION_KEY_ROOM]);
/* What stands behind a key for one user. */
FCT_MUST_CHECK bool reputation_user_tag(const char *secret, struct fct_str account,
                                        char out[REPUTATION_TAG_ROOM]);
void reputation_message_key(const char *digest, char out[REPUTATION_KEY_ROOM]);

/* What a script is called with. The views point into the struct, and into what it was made of. */
struct reputation_question {
    struct fct_str key[1 + REPUTATION_NAMES], arg[8];
    size_t keys, args;
    char text[8][32];
    char own_key[REPUTATION_KEY_ROOM];
};

/* How long things are kept, in seconds. */
struct reputation_times {
    uint64_t names;    /* a name nothing was heard of */
    uint64_t messages; /* what was counted for a message; 0: it is not remembered at all */
};

/* Counts a message that was judged. Answers 1, or 0 when it is known already. */
extern const struct fct_redis_script reputation_count_script;
void reputation_count(struct reputation_question *q, enum reputation_class class, double weight,
                      int64_t now, const struct reputation_times *times, const char *message_key,
                      const char (*key)[REPUTATION_KEY_ROOM], size_t n);

/* Why somebody says what a message is, see `learn` in hooks.def. */
enum reputation_why {
    REPUTATION_MOVED,
    REPUTATION_CAME, /* appended: as moved, but that it is no spam is only worth taking back */
    REPUTATION_SAID, /* keyword, command */
};

/* Answers with one of these. */
enum reputation_learned {
    REPUTATION_STRANGE, /* nothing is known of this message */
    REPUTATION_KNOWN,
    REPUTATION_LEARNED,
    REPUTATION_TAKEN_BACK, /* what was counted before anybody spoke counts again */
    REPUTATION_LEARNED_ANEW,
};
/* user_tag: for this user alone; empty: for everybody, instead of what was counted when the message
 * came. */
extern const struct fct_redis_script reputation_learn_script;
void reputation_learn(struct reputation_question *q, enum reputation_class class,
                      enum reputation_why why, double weight, int64_t now,
                      const struct reputation_times *times, const char *message_key,
                      const char *user_tag);
FCT_MUST_CHECK bool reputation_learned(const struct fct_redis_reply *reply,
                                       enum reputation_learned *out);
const char *reputation_learned_text(enum reputation_learned what);

/* Takes away what one user has said, from cursor 0 on until the answer's cursor is 0 again
 * (plugins/lib/redis_scan.h): all keys of this server are looked at. user_tag: not empty. */
extern const struct fct_redis_script reputation_forget_script;
void reputation_forget(struct reputation_question *q, uint64_t cursor, const char *user_tag);

#endif
