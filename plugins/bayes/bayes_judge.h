/* bayes_judge.h - from counts to a probability: Robinson's estimate for each token, Fisher's method
 * over the strongest of them, both directions, and what lies between is unsure.
 *
 * (G. Robinson, "A Statistical Approach to the Spam Problem", Linux Journal 107, 2003.) */
#ifndef PLUGINS_BAYES_BAYES_JUDGE_H
#define PLUGINS_BAYES_BAYES_JUDGE_H

#include <facteur/base.h>

/* How often a token was seen; halves from an older generation. */
struct bayes_counts {
    double spam, ham;
};

struct bayes_tuning {
    double strength;    /* of the belief that an unknown token says nothing, in messages */
    double deviation;   /* tokens nearer to 0.5 than this say nothing */
    uint32_t strongest; /* so many tokens are looked at */
    double overlap; /* share of what a token says that its neighbours have not said yet: words of a
                       text are not independent */
};
extern const struct bayes_tuning bayes_tuning;

struct bayes_opinion {
    double probability; /* 0 ham, 1 spam, 0.5 unsure */
    double margin;      /* the same without an end: log10 of the odds of the two directions */
    uint32_t used;      /* tokens that had something to say */
};

/* messages: learned in all. */
void bayes_judge(const struct bayes_tuning *tuning, const struct bayes_counts *messages,
                 const struct bayes_counts *token, size_t n, struct bayes_opinion *out);

#endif
