/* bayes_judge.c - see bayes_judge.h. */
#include "bayes_judge.h"

#include <float.h>
#include <math.h>

/* Found by tools/tune-bayes (docs/spam.md). */
const struct bayes_tuning bayes_tuning = {
    .strength = 0.1,
    .deviation = 0.1,
    .strongest = 60,
    .overlap = 0.1,
};

enum { STRONGEST_MAX = 800 }; /* tokens of a message */

/* ---- one token ---- */

/* Robinson's f(w): the share of spam among what has this token, drawn to 0.5 while it was seen
 * rarely. learned: messages, 1 of each at least. */
static double estimate(const struct bayes_tuning *tuning, const struct bayes_counts *learned,
                       const struct bayes_counts *token)
{
    double seen = token->spam + token->ham, spam, ham;

    if (seen <= 0) /* most tokens of a message */
        return 0.5;
    spam = token->spam / learned->spam;
    ham = token->ham / learned->ham;
    if (spam + ham <= 0)
        return 0.5;
    return (tuning->strength * 0.5 + seen * (spam / (spam + ham))) / (tuning->strength + seen);
}

/* ---- the strongest ---- */

struct strong {
    double estimate, says; /* how far from neutral */
    size_t at;
};

/* Among equals the first one is the stronger, so that the choice never depends on how we sort. */
static bool is_weaker(const struct strong *a, const struct strong *b)
{
    return a->says < b->says || (a->says <= b->says && a->at > b->at);
}

/* A heap with the weakest on top: room for `most` is all that is needed. */
struct strongest {
    struct strong heap[STRONGEST_MAX];
    size_t n, most;
};

static void swap(struct strong *a, struct strong *b)
{
    struct strong c = *a;

    *a = *b;
    *b = c;
}

static void sink(struct strong *heap, size_t n, size_t at)
{
    for (;;) {
        size_t weakest = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
            if (is_weaker(&heap[child], &heap[weakest]))
                weakest = child;
        if (weakest == at)
            return;
        swap(&heap[at], &heap[weakest]);
        at = weakest;
    }
}

static void consider(struct strongest *s, const struct strong *one)
{
    if (s->n < s->most) {
        size_t at = s->n++;

        s->heap[at] = *one;
        for (; at > 0 && is_weaker(&s->heap[at], &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
            swap(&s->heap[at], &s->heap[(at - 1) / 2]);
    } else if (s->n > 0 && is_weaker(&s->heap[0], one)) {
        s->heap[0] = *one;
        sink(s->heap, s->n, 0);
    }
}

/* The strongest first. */
static void sort_strongest(struct strongest *s)
{
    for (size_t left = s->n; left > 1; left--) {
        swap(&s->heap[0], &s->heap[left - 1]);
        sink(s->heap, left - 1, 0);
    }
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

/* Robinson's index is careful: where it says 2 to 1, nine of ten messages are what it says. Its
 * odds are taken to this power, so that the probability is near what comes true. */
#define CERTAINTY 3.0

/* Robinson's index (1 + S - H) / 2, as log10 odds, which go on where a double near 1 ends.
 * by_chance: how likely so much against ham, and so much against spam, would be by chance. */
static void weigh(double ham_by_chance, double spam_by_chance, struct bayes_opinion *out)
{
    double spam = (exp(spam_by_chance) - expm1(ham_by_chance)) / 2,
           ham = (exp(ham_by_chance) - expm1(spam_by_chance)) / 2;

    out->margin = CERTAINTY * (log(fmax(spam, DBL_MIN)) - log(fmax(ham, DBL_MIN))) / log(10);
    out->probability = 1 / (1 + pow(10, -out->margin));
}

void bayes_judge(const struct bayes_tuning *tuning, const struct bayes_counts *messages,
                 const struct bayes_counts *token, size_t n, struct bayes_opinion *out)
{
    const struct bayes_counts learned = {fmax(messages->spam, 1), fmax(messages->ham, 1)};
    double for_spam = 0, for_ham = 0, degrees;
    struct strongest strong;
    size_t used;

    strong.n = 0;
    strong.most = tuning->strongest < STRONGEST_MAX ? tuning->strongest : STRONGEST_MAX;
    *out = (struct bayes_opinion){.probability = 0.5};
    for (size_t i = 0; i < n; i++) {
        double f = estimate(tuning, &learned, &token[i]), says = fabs(f - 0.5);

        if (says >= tuning->deviation)
            consider(&strong, &(struct strong){f, says, i});
    }
    sort_strongest(&strong);
    used = strong.n;
    for (size_t i = 0; i < used; i++) {
        for_spam -= log(1 - strong.heap[i].estimate);
        for_ham -= log(strong.heap[i].estimate);
    }
    degrees = fmax((double)used * tuning->overlap, used > 0);
    out->used = (uint32_t)used;
    weigh(log_chance(for_spam * tuning->overlap, degrees),
          log_chance(for_ham * tuning->overlap, degrees), out);
}
