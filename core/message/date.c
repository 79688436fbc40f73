/* date.c - date and time of header fields and of IMAP (RFC 5322 3.3, 4.3; RFC 9051 9 date-time). */
#include "core/message/date.h"
#include "core/base/str.h"
#include "core/message/lexer.h"

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/* obs-zone (RFC 5322 4.3), in hours; single letters and unknown names count as -0000. */
static const struct {
    const char *name;
    int hours;
} zones[] = {
    {"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
    {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7},
};

struct date {
    unsigned year, month, day, hour, minute, second; /* month from 1 */
    int zone;                                        /* seconds east of Greenwich */
};

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years are counted from March, so that
 * a leap day is last. */
static int64_t days_from_date(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t in_era = y - era * 400;
    int64_t in_year = (153 * ((int64_t)(month + 9) % 12) + 2) / 5 + (int64_t)day - 1;

    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static void date_from_seconds(int64_t seconds, struct date *d)
{
    int64_t days = seconds / 86400, rest = seconds % 86400;

    if (rest < 0) {
        rest += 86400;
        days--;
    }
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, in_era = z - era * 146097;
    int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153;

    *d = (struct date){
        .day = (unsigned)(in_year - (153 * month + 2) / 5 + 1),
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
        .hour = (unsigned)(rest / 3600),
        .minute = (unsigned)(rest / 60 % 60),
        .second = (unsigned)(rest % 60),
    };
    d->year = (unsigned)(year + era * 400 + (d->month <= 2 ? 1 : 0));
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned month_days(unsigned year, unsigned month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

static bool date_to_seconds(const struct date *d, int64_t *seconds)
{
    if (d->month < 1 || d->month > 12 || d->day < 1 || d->day > month_days(d->year, d->month) ||
        d->hour > 23 || d->minute > 59 || d->second > 60)
        return false;
    *seconds = days_from_date((int64_t)d->year, d->month, d->day) * 86400 + d->hour * 3600 +
               d->minute * 60 + d->second - d->zone;
    return true;
}

/* From `least` to `most` digits. */
static bool take_number(struct fct_str *in, unsigned least, unsigned most, unsigned *out,
                        unsigned *digits)
{
    unsigned n = 0, value = 0;

    while (n < most && in->n > 0 && in->p[0] >= '0' && in->p[0] <= '9') {
        value = value * 10 + (unsigned)(in->p[0] - '0');
        *in = str_skip(*in, 1);
        n++;
    }
    *out = value;
    if (digits)
        *digits = n;
    return n >= least;
}

static bool take_char(struct fct_str *in, char c)
{
    if (in->n == 0 || in->p[0] != c)
        return false;
    *in = str_skip(*in, 1);
    return true;
}

static struct fct_str take_letters(struct fct_str *in)
{
    const char *start = in->p;

    while (in->n > 0 && char_lower(in->p[0]) >= 'a' && char_lower(in->p[0]) <= 'z')
        *in = str_skip(*in, 1);
    return str_between(start, in->p);
}

/* The first three letters decide: "June" and "Sept" are seen in old mail. */
static bool take_month(struct fct_str *in, unsigned *month)
{
    struct fct_str word = take_letters(in);

    for (unsigned i = 0; i < 12 && word.n >= 3; i++)
        if (str_equal_nocase(str_head(word, 3), str_from(months[i]))) {
            *month = i + 1;
            return true;
        }
    return false;
}

/* obs-year: two digits are 2000-2049 or 1950-1999, three digits count from 1900          RFC
 * 5322 4.3 */
static bool take_year(struct fct_str *in, unsigned *year)
{
    unsigned digits;

    if (!take_number(in, 2, 4, year, &digits))
        return false;
    if (digits == 2)
        *year += *year < 50 ? 2000 : 1900;
    else if (digits == 3)
        *year += 1900;
    return true;
}

/* time-of-day = hour ":" minute [ ":" second ]                                             RFC
 * 5322 3.3 */
static bool take_time(struct fct_str *in, struct date *d)
{
    if (!take_number(in, 1, 2, &d->hour, NULL))
        return false;
    lex_skip_cfws(in, NULL);
    if (!take_char(in, ':'))
        return false;
    lex_skip_cfws(in, NULL);
    if (!take_number(in, 2, 2, &d->minute, NULL))
        return false;
    lex_skip_cfws(in, NULL);
    if (!take_char(in, ':'))
        return true;
    lex_skip_cfws(in, NULL);
    return take_number(in, 2, 2, &d->second, NULL);
}

/* "+" / "-" 4DIGIT */
static bool take_offset(struct fct_str *in, int *zone)
{
    bool west = in->n > 0 && in->p[0] == '-';
    unsigned hours, minutes;

    if (!take_char(in, '-') && !take_char(in, '+'))
        return false;
    if (!take_number(in, 2, 2, &hours, NULL) || !take_number(in, 2, 2, &minutes, NULL) ||
        minutes > 59)
        return false;
    *zone = (int)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

/* zone = offset / obs-zone; none at all, and what nobody knows, is read as -0000 (RFC 5322 4.3) */
static bool take_zone(struct fct_str *in, int *zone)
{
    struct fct_str word;

    *zone = 0;
    if (in->n > 0 && (in->p[0] == '+' || in->p[0] == '-'))
        return take_offset(in, zone);
    word = take_letters(in);
    for (size_t i = 0; i < FCT_COUNT(zones); i++)
        if (str_equal_nocase(word, str_from(zones[i].name)))
            *zone = zones[i].hours * 3600;
    return true;
}

bool date_parse(struct fct_str text, int64_t *seconds)
{
    struct fct_str in = text;
    struct date d = {0};

    lex_skip_cfws(&in, NULL);
    if (take_letters(&in).n > 0) { /* the day of the week says nothing new; wrong ones are common */
        lex_skip_cfws(&in, NULL);
        (void)take_char(&in, ',');
        lex_skip_cfws(&in, NULL);
    }
    if (!take_number(&in, 1, 2, &d.day, NULL))
        return false;
    lex_skip_cfws(&in, NULL);
    (void)take_char(&in, '-'); /* "5-Jan-2026": RFC 850 style, from old gateways */
    if (!take_month(&in, &d.month))
        return false;
    lex_skip_cfws(&in, NULL);
    (void)take_char(&in, '-');
    if (!take_year(&in, &d.year))
        return false;
    lex_skip_cfws(&in, NULL);
    if (!take_time(&in, &d))
        return false;
    lex_skip_cfws(&in, NULL);
    return take_zone(&in, &d.zone) && date_to_seconds(&d, seconds);
}

/* Four digits are what the formats have room for. */
static void date_clamp(int64_t seconds, struct date *d)
{
    const int64_t least = days_from_date(0, 1, 1) * 86400,
                  most = days_from_date(10000, 1, 1) * 86400 - 1;

    date_from_seconds(seconds < least ? least : seconds > most ? most : seconds, d);
}

void date_format(int64_t seconds, struct buf *out)
{
    struct date d;

    date_clamp(seconds, &d);
    int64_t days = days_from_date((int64_t)d.year, d.month, d.day);
    buf_printf(out, "%s, %u %s %04u %02u:%02u:%02u +0000", weekdays[((days + 4) % 7 + 7) % 7],
               d.day, months[d.month - 1], d.year, d.hour, d.minute, d.second);
}

/* date-day-fixed "-" date-month "-" date-year SP time SP zone                               RFC
 * 9051 9 */
bool date_parse_imap(struct fct_str text, int64_t *seconds)
{
    struct fct_str in = text;
    struct date d = {0};
    bool one_digit = take_char(&in, ' ');

    if (!take_number(&in, one_digit ? 1 : 2, one_digit ? 1 : 2, &d.day, NULL) ||
        !take_char(&in, '-'))
        return false;
    if (!take_month(&in, &d.month) || !take_char(&in, '-') ||
        !take_number(&in, 4, 4, &d.year, NULL))
        return false;
    if (!take_char(&in, ' ') || !take_number(&in, 2, 2, &d.hour, NULL) || !take_char(&in, ':'))
        return false;
    if (!take_number(&in, 2, 2, &d.minute, NULL) || !take_char(&in, ':') ||
        !take_number(&in, 2, 2, &d.second, NULL))
        return false;
    return take_char(&in, ' ') && take_offset(&in, &d.zone) && in.n == 0 &&
           date_to_seconds(&d, seconds);
}

void date_format_imap(int64_t seconds, struct buf *out)
{
    struct date d;

    date_clamp(seconds, &d);
    buf_printf(out, "%2u-%s-%04u %02u:%02u:%02u +0000", d.day, months[d.month - 1], d.year, d.hour,
               d.minute, d.second);
}
