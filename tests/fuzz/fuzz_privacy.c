/* The field X-Facteur-Privacy, and days of privacy: whatever a record or a piece holds, folding
 * fails or gives a record that can be read; pieces joined give the same as pieces apart. */
#include "core/base/str.h"
#include "core/message/privacy_note.h"
#include "store/privacy_days.h"

#include <stdlib.h>

#define OUT_MAX (4u << 20)

static void notes(struct fct_str text)
{
    struct privacy_note note;

    if (privacy_note_parse(text, &note) && note.companies > PRIVACY_COMPANIES)
        abort();
}

static void days(struct fct_str old, struct fct_str first, struct fct_str second)
{
    struct buf apart = BUF_INIT(OUT_MAX), joined = BUF_INIT(OUT_MAX), both = BUF_INIT(OUT_MAX);
    struct fct_str piece[] = {first, second}, whole;

    buf_put_str(&both, first);
    buf_put_str(&both, second);
    whole = buf_str(&both);
    if (privacy_day_fold(old, piece, 2, &apart)) {
        if (!privacy_day_is_good(buf_str(&apart)) || !privacy_day_fold(old, &whole, 1, &joined) ||
            !str_equal(buf_str(&apart), buf_str(&joined)))
            abort();
    }
    buf_free(&apart);
    buf_free(&joined);
    buf_free(&both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fct_str all = {(const char *)data, n}, rest;
    size_t a, b;

    notes(all);
    if (n < 2)
        return 0;
    rest = str_skip(all, 2);
    a = data[0] < rest.n ? data[0] : rest.n;
    b = data[1] < rest.n - a ? data[1] : rest.n - a;
    days((struct fct_str){0}, str_head(rest, a), str_skip(rest, a));
    days(str_head(rest, a), str_head(str_skip(rest, a), b), str_skip(rest, a + b));
    return 0;
}
