/* bayes_verdict.c - at `verdict`: is this a message to learn without being told (bayes_auto.h)? */
#include "bayes_auto.h"
#include "bayes_plugin.h"

#include <stdlib.h>

static enum bayes_proof proof_of(const struct fct_host *host, struct fct_call *call)
{
    enum bayes_proof best = BAYES_PROOF_NONE;
    struct fct_str resinfo;

    for (size_t i = 0; (resinfo = host->fact(call, "auth", i)).p; i++) {
        enum bayes_proof proof = bayes_auto_proof(resinfo);

        best = proof > best ? proof : best;
    }
    return best;
}

static void add_symbols(const struct fct_host *host, struct fct_call *call,
                        struct bayes_groups *groups)
{
    const char *name, *group;
    double score;

    for (size_t i = 0; (name = host->symbol_at(call, i, &score)); i++)
        if ((group = host->symbol_group(call, name)))
            bayes_auto_add(groups, group, score);
}

enum fct_verdict bayes_on_verdict(struct fct_call *call, const struct fct_ev_verdict *ev,
                                  void *state)
{
    const struct bayes_plugin *plugin = state;
    const struct fct_host *host = plugin->host;
    struct bayes_groups groups = {0};
    enum bayes_guess guess;
    char score[32];

    if (!plugin->conf->autolearn || host->conn(call)->login.n > 0 || ev->score.n >= sizeof score)
        return FCT_NEXT;
    memcpy(score, ev->score.p, ev->score.n);
    score[ev->score.n] = 0;
    add_symbols(host, call, &groups);
    guess = bayes_auto_judge(plugin->conf, &groups, strtod(score, NULL), proof_of(host, call));
    if (guess != BAYES_NO_GUESS)
        bayes_guess(plugin, call, guess == BAYES_GUESS_SPAM);
    return FCT_NEXT;
}
