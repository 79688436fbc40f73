/* bayes_auto.c - the site's database learns by itself what leaves no doubt: the score is far out,
 * several groups of symbols say the same and none much against it. What this plugin said itself
 * does not count: otherwise it would believe its own mistakes. */
#include "bayes_auto.h"

#include <string.h>

/* From here on a group is against it, in points. */
#define AGAINST 1.0

/* Groups that are about who sent it: together one opinion. A spammer's domain can have them all. */
static const char *const sender_groups[] = {"spf", "dkim", "dmarc", "arc", "iprev"};

static const char *opinion_of(const char *group)
{
    for (size_t i = 0; i < FCT_COUNT(sender_groups); i++)
        if (strcmp(group, sender_groups[i]) == 0)
            return sender_groups[0];
    return group;
}

static bool is_ours(const char *group)
{
    return strcmp(group, "bayes") == 0 || strcmp(group, "taught") == 0;
}

void bayes_auto_add(struct bayes_groups *groups, const char *group, double score)
{
    size_t i = 0;

    if (strcmp(group, "taught") == 0)
        groups->taught += score;
    if (is_ours(group))
        return;
    group = opinion_of(group);
    while (i < groups->n && strcmp(groups->group[i].name, group) != 0)
        i++;
    if (i == BAYES_GROUPS_MAX)
        return;
    if (i == groups->n)
        groups->group[groups->n++].name = group;
    groups->group[i].sum += score;
}

static bool groups_agree(const struct bayes_groups *groups, double sign, uint32_t least)
{
    uint32_t agree = 0;

    for (size_t i = 0; i < groups->n; i++) {
        double for_it = sign * groups->group[i].sum;

        if (for_it <= -AGAINST)
            return false;
        agree += for_it > 0;
    }
    return agree >= least;
}

/* What one user taught is no reason to teach everybody: it is taken out of the score where it
 * helped. */
enum bayes_guess bayes_auto_judge(const struct bayes_conf *conf, const struct bayes_groups *groups,
                                  double score, enum bayes_proof proof)
{
    double high = groups->taught > 0 ? score - groups->taught : score;
    double low = groups->taught < 0 ? score - groups->taught : score;

    if (!conf->autolearn || proof == BAYES_PROOF_NONE)
        return BAYES_NO_GUESS;
    if (high >= conf->autolearn_spam && groups_agree(groups, 1, conf->autolearn_groups))
        return BAYES_GUESS_SPAM;
    if (low <= conf->autolearn_ham && proof == BAYES_PROOF_PASS &&
        groups_agree(groups, -1, conf->autolearn_groups))
        return BAYES_GUESS_HAM;
    return BAYES_NO_GUESS;
}

/* resinfo as RFC 8601 2.2 writes it: METHOD=RESULT … */
enum bayes_proof bayes_auto_proof(struct fct_str resinfo)
{
    static const char *const method[] = {"spf", "dkim", "dmarc"};
    static const char *const proof[] = {"pass", "fail", "softfail"};

    for (size_t i = 0; i < FCT_COUNT(method); i++) {
        size_t n = strlen(method[i]);

        if (resinfo.n <= n || memcmp(resinfo.p, method[i], n) != 0 || resinfo.p[n] != '=')
            continue;
        for (size_t k = 0; k < FCT_COUNT(proof); k++) {
            size_t length = strlen(proof[k]), end = n + 1 + length;

            if (resinfo.n >= end && memcmp(resinfo.p + n + 1, proof[k], length) == 0 &&
                (resinfo.n == end || resinfo.p[end] == ' ' || resinfo.p[end] == ';'))
                return k == 0 ? BAYES_PROOF_PASS : BAYES_PROOF_FAIL;
        }
    }
    return BAYES_PROOF_NONE;
}
