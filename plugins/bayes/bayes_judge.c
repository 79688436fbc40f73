/* bayes_judge.c - see bayes_judge.h. */
#include "bayes_judge.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Found by bench/spam on the developers' corpus; nothing else of it is in here. */
const struct bayes_tuning bayes_tuning = {
    .strength = 0.03,
    .deviation = 0.1,
    .strongest = 60,
    .overlap = 0.1,
};

enum { STRONGEST_MAX = 1000 };

/* ---- one token ---- */

/* Robinson's f(w): the share of spam among what has this token, drawn to 0.5 while it was seen
 * rarely. */
static double estimate(const struct bayes_tuning *tuning, const struct bayes_counts *messages,
                       const struct bayes_counts *token)
{
    double seen = token->spam + token->ham;
    double spam = token->spam / fmax(messages->spam, 1), ham = token->ham / fmax(messages->ham, 1);

    if (seen <= 0 || spam + ham <= 0)
        return 0.5;
    return (tuning->strength * 0.5 + seen * (spam / (spam + ham))) / (tuning->strength + seen);
}

static int compare(const void *a, const void *b)
{
    double x = fabs(*(const double *)a - 0.5), y = fabs(*(const double *)b - 0.5);

    return (x < y) - (x > y);
}

/* ---- all of them ---- */

/* ln of the chance that chi-square with 2n degrees of freedom is above 2m: m is -ln of a product of
 * n numbers that would be even in 0..1. In logarithms, because it may be far below what a double
 * holds. n need not be whole: the sum is taken between its neighbours. */
static double log_chance(double m, double n)
{
    double term = 0, sum = 0; /* relative to e^-m */
    double whole = floor(n), part;

    if (n < 1)
        return 0;
    for (double i = 1; i < whole; i++) {
        term += log(m) - log(i);
        sum = fmax(sum, term) + log1p(exp(-fabs(sum - term)));
    }
    part = term + log(m) - log(whole); /* the next term, of which only n - whole counts */
    if (n > whole && isfinite(part)) {
        part += log(n - whole);
        sum = fmax(sum, part) + log1p(exp(-fabs(sum - part)));
    }
    return fmin(sum - m, 0);
}

/* Robinson's index (1 + S - H) / 2, and its log10 odds, which go on where a double near 1 ends.
 * by_chance: how likely so much against ham, and so much against spam, would be by chance. */
static void weigh(double ham_by_chance, double spam_by_chance, struct bayes_opinion *out)
{
    double spam = (exp(spam_by_chance) - expm1(ham_by_chance)) / 2,
           ham = (exp(ham_by_chance) - expm1(spam_by_chance)) / 2;

    out->probability = spam;
    out->margin = (log(fmax(spam, DBL_MIN)) - log(fmax(ham, DBL_MIN))) / log(10);
}

void bayes_judge(const struct bayes_tuning *tuning, const struct bayes_counts *messages,
                 const struct bayes_counts *token, size_t n, struct bayes_opinion *out)
{
    double strong[STRONGEST_MAX], for_spam = 0, for_ham = 0, degrees;
    size_t most = tuning->strongest < STRONGEST_MAX ? tuning->strongest : STRONGEST_MAX, used = 0;

    *out = (struct bayes_opinion){.probability = 0.5};
    for (size_t i = 0; i < n && used < STRONGEST_MAX; i++) {
        double f = estimate(tuning, messages, &token[i]);

        if (fabs(f - 0.5) >= tuning->deviation)
            strong[used++] = f;
    }
    qsort(strong, used, sizeof *strong, compare);
    used = used < most ? used : most;
    for (size_t i = 0; i < used; i++) {
        for_spam -= log(1 - strong[i]);
        for_ham -= log(strong[i]);
    }
    degrees = fmax((double)used * tuning->overlap, used > 0);
    out->used = (uint32_t)used;
    weigh(log_chance(for_spam * tuning->overlap, degrees),
          log_chance(for_ham * tuning->overlap, degrees), out);
}
