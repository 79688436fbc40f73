/* reputation_count.c - see reputation_count.h. */
#include "reputation_count.h"

#include "reputation_store.h"

#include <math.h>

/* Three messages of spam for one that was wanted is nothing yet, twenty for one is all there is. */
#define ODDS_FULL    3.0
#define FACTOR_LEAST 0.05

#define COUNT_MOST 1e15 /* more was never counted */

static const double half_life[REPUTATION_HORIZONS] = {
    [REPUTATION_WEEK] = REPUTATION_WEEK_S,
    [REPUTATION_SEASON] = REPUTATION_SEASON_S,
};

static double read_double(const char *p)
{
    uint64_t bits = 0;
    double d;

    for (unsigned i = 0; i < 8; i++)
        bits |= (uint64_t)(unsigned char)p[i] << 8 * i;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static bool is_count(double n)
{
    return n >= 0 && n <= COUNT_MOST;
}

bool reputation_counts_read(struct fct_str packed, int64_t now, struct reputation_counts *out)
{
    *out = (struct reputation_counts){{0}, {0}};
    if (packed.n != REPUTATION_PACKED)
        return false;
    for (unsigned h = 0; h < REPUTATION_HORIZONS; h++) {
        double fades = exp2(((double)REPUTATION_LANDMARK - (double)now) / half_life[h]);

        out->spam[h] = read_double(packed.p + 16 * h) * fades;
        out->ham[h] = read_double(packed.p + 16 * h + 8) * fades;
        if (!is_count(out->spam[h]) || !is_count(out->ham[h])) {
            *out = (struct reputation_counts){{0}, {0}};
            return false;
        }
    }
    return true;
}

double reputation_odds(const struct reputation_counts *c, double strength)
{
    double sum = 0, trust_sum = 0, trust_most = 0;

    for (unsigned h = 0; h < REPUTATION_HORIZONS; h++) {
        double n = c->spam[h] + c->ham[h], trust = n / (n + strength);

        sum += trust * log((c->spam[h] + 0.5) / (c->ham[h] + 0.5));
        trust_sum += trust;
        trust_most = fmax(trust_most, trust);
    }
    return trust_sum > 0 ? sum / trust_sum * trust_most : 0;
}

double reputation_factor(double odds)
{
    double factor = fmin(fmax(odds / ODDS_FULL, -1), 1);

    return fabs(factor) < FACTOR_LEAST ? 0 : factor;
}
