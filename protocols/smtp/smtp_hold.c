/* smtp_hold.c - see smtp_hold.h. */
#include "protocols/smtp/smtp_hold.h"

#include "core/base/str.h"

#include <time.h>

/* Exactly `digits` digits, then the character `end` (0: none). */
static bool number(struct fct_str *in, size_t digits, char end, int *out)
{
    *out = 0;
    for (size_t i = 0; i < digits; i++) {
        if (i >= in->n || in->p[i] < '0' || in->p[i] > '9')
            return false;
        *out = 10 * *out + (in->p[i] - '0');
    }
    *in = str_skip(*in, digits);
    if (end == 0)
        return true;
    if (in->n == 0 || *in->p != end)
        return false;
    *in = str_skip(*in, 1);
    return true;
}

static bool is_real(const struct tm *t)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = t->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return t->tm_mon >= 0 && t->tm_mon <= 11 && t->tm_mday >= 1 &&
           t->tm_mday <= days[t->tm_mon] + (leap && t->tm_mon == 1) && t->tm_hour <= 23 &&
           t->tm_min <= 59 && t->tm_sec <= 60;
}

/* time-secfrac = "." 1*DIGIT */
static bool fraction(struct fct_str *in)
{
    size_t n = 1;

    if (in->n == 0 || *in->p != '.')
        return true;
    while (n < in->n && in->p[n] >= '0' && in->p[n] <= '9')
        n++;
    *in = str_skip(*in, n);
    return n > 1;
}

/* time-offset = "Z" / ("+" / "-") time-hour ":" time-minute, the end of the text */
static bool offset(struct fct_str in, int *seconds)
{
    int hours, minutes, sign = in.n > 0 && *in.p == '-' ? -1 : 1;

    *seconds = 0;
    if (str_equal_nocase(in, FCT_STR("Z")))
        return true;
    if (in.n != 6 || (*in.p != '+' && *in.p != '-'))
        return false;
    in = str_skip(in, 1);
    if (!number(&in, 2, ':', &hours) || !number(&in, 2, 0, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = sign * (3600 * hours + 60 * minutes);
    return true;
}

bool smtp_hold_parse(struct fct_str text, int64_t *seconds)
{
    struct tm t = {0};
    int shift;
    bool date;

    date = number(&text, 4, '-', &t.tm_year) && number(&text, 2, '-', &t.tm_mon) &&
           number(&text, 2, 0, &t.tm_mday) && text.n > 0 && (*text.p == 'T' || *text.p == 't');
    if (!date)
        return false;
    text = str_skip(text, 1);
    if (!number(&text, 2, ':', &t.tm_hour) || !number(&text, 2, ':', &t.tm_min) ||
        !number(&text, 2, 0, &t.tm_sec) || !fraction(&text) || !offset(text, &shift))
        return false;
    t.tm_year -= 1900;
    t.tm_mon--;
    if (!is_real(&t))
        return false;
    *seconds = (int64_t)timegm(&t) - shift;
    return true;
}

struct fct_str smtp_hold_text(int64_t seconds, char text[32])
{
    time_t when = (time_t)seconds;
    struct tm t = {0};

    gmtime_r(&when, &t);
    return (struct fct_str){text, strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &t)};
}
