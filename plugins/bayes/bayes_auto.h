/* bayes_auto.h - when the site's database learns a message without anybody having said what it is.
 */
#ifndef PLUGINS_BAYES_BAYES_AUTO_H
#define PLUGINS_BAYES_BAYES_AUTO_H

#include "bayes_conf.h"

enum { BAYES_GROUPS_MAX = 64 }; /* more groups than there are do not speak at one message */

/* What each group of symbols adds. */
struct bayes_groups {
    struct {
        const char *name;
        double sum;
    } group[BAYES_GROUPS_MAX];
    size_t n;
    double taught; /* by likeness to what a user has taught: that user's alone */
};
void bayes_auto_add(struct bayes_groups *groups, const char *group, double score);

/* Of what SPF, DKIM and DMARC found; the best of them counts. */
enum bayes_proof { BAYES_PROOF_NONE, BAYES_PROOF_FAIL, BAYES_PROOF_PASS };
enum bayes_proof bayes_auto_proof(struct fct_str resinfo);

enum bayes_guess { BAYES_NO_GUESS, BAYES_GUESS_SPAM, BAYES_GUESS_HAM };
enum bayes_guess bayes_auto_judge(const struct bayes_conf *conf, const struct bayes_groups *groups,
                                  double score, enum bayes_proof proof);

#endif
