/* convert_check.h - what must be true of every message that down_convert converts, whatever is in
 * it; for the unit test and the fuzz target. */
#ifndef TESTS_CONVERT_CHECK_H
#define TESTS_CONVERT_CHECK_H

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/utf8.h"
#include "core/message/down_convert.h"
#include "core/message/mime.h"

/* In pieces of so many bytes; `out` gets what converts. */
static inline enum down_convert_verdict convert(enum down_convert_kind kind, struct fct_str message,
                                                size_t piece, struct buf *out)
{
    struct down_convert *d = down_convert_new(kind);
    enum down_convert_verdict verdict;

    for (size_t i = 0; i < message.n; i += piece)
        down_convert_look(d, str_head(str_skip(message, i), piece));
    verdict = down_convert_decide(d);
    if (verdict == DOWN_CONVERTS) {
        down_convert_begin(d);
        for (size_t i = 0; i < message.n; i += piece)
            down_convert_write(d, str_head(str_skip(message, i), piece), out);
        down_convert_end(d, out);
        FCT_ASSERT(!out->overflow);
        FCT_ASSERT(down_convert_size(d) == out->n);
    }
    down_convert_free(&d);
    return verdict;
}

struct lines {
    bool has_high, has_nul, has_lone;
    size_t longest;
};

static inline struct lines lines_of(struct fct_str text)
{
    struct lines l = {0};
    size_t from = 0;

    for (size_t i = 0; i < text.n; i++) {
        l.has_high = l.has_high || (text.p[i] & 0x80);
        l.has_nul = l.has_nul || text.p[i] == 0;
        if (text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n') {
            from = ++i + 1;
            continue;
        }
        l.has_lone = l.has_lone || text.p[i] == '\r' || text.p[i] == '\n';
        if (i + 1 - from > l.longest)
            l.longest = i + 1 - from;
    }
    return l;
}

static inline bool may_stay_long(const struct mime_tree *tree, size_t i)
{
    const struct mime_part *p = &tree->part[i];

    if (str_equal_nocase(p->major, FCT_STR("message")) ||
        str_equal_nocase(p->major, FCT_STR("multipart")))
        return true;
    for (;; p = &tree->part[p->is.parent]) {
        if (str_equal(p->is.type, FCT_STR("multipart/signed")) ||
            str_equal(p->is.type, FCT_STR("multipart/encrypted")) ||
            str_ends_nocase(p->is.type, FCT_STR("pkcs7-mime")))
            return true;
        if (p->is.parent < 0)
            return false;
    }
}

/* NULL, or what is wrong. */
static inline const char *part_is_wrong(struct fct_str from, const struct mime_part *a,
                                        struct fct_str to, const struct mime_part *b)
{
    struct buf x = BUF_INIT(from.n + 16), y = BUF_INIT(to.n + 16);
    const char *wrong = NULL;

    if (a->is.parent != b->is.parent || !str_equal(a->is.type, b->is.type))
        wrong = "another structure";
    else if (a->first_child < 0 && !a->is_multipart) {
        FCT_ASSERT(mime_part_bytes(from, a, &x) && mime_part_bytes(to, b, &y));
        if (!str_equal(buf_str(&x), buf_str(&y)))
            wrong = "a part decodes to something else";
    }
    buf_free(&x);
    buf_free(&y);
    return wrong;
}

static inline const char *result_is_wrong(enum down_convert_kind kind, struct fct_str from,
                                          struct fct_str to)
{
    struct arena *arena = arena_new(NULL);
    struct mime_tree a, b;
    const char *wrong = NULL;

    mime_scan(arena, from, &mime_default_limits, &a);
    mime_scan(arena, to, &mime_default_limits, &b);
    if (a.n != b.n)
        wrong = "another number of parts";
    for (size_t i = 0; i < a.n && !wrong; i++) {
        const struct mime_part *p = &b.part[i];

        wrong = part_is_wrong(from, &a.part[i], to, p);
        if (!wrong && p->first_child < 0 && !may_stay_long(&b, i) &&
            lines_of(str_head(str_skip(to, p->is.body_offset), p->is.body_length)).longest > 998)
            wrong = "a long line";
    }
    if (!wrong && kind != DOWN_BINARY_TO_8BIT && !str_is_ascii(to))
        wrong = "not 7-bit";
    if (!wrong && kind != DOWN_8BIT_TO_7BIT && (lines_of(to).has_nul || lines_of(to).has_lone))
        wrong = "still binary";
    arena_free(&arena);
    return wrong;
}

/* All of it for one message. */
static inline const char *conversion_is_wrong(enum down_convert_kind kind, struct fct_str message,
                                              size_t piece, enum down_convert_verdict *verdict)
{
    struct buf out = BUF_INIT(5 * message.n + 65536), other = BUF_INIT(5 * message.n + 65536);
    const char *wrong = NULL;

    *verdict = convert(kind, message, message.n + 1, &out);
    if (convert(kind, message, piece, &other) != *verdict ||
        !str_equal(buf_str(&out), buf_str(&other)))
        wrong = "pieces matter";
    if (!wrong && *verdict == DOWN_CONVERTS)
        wrong = result_is_wrong(kind, message, buf_str(&out));
    buf_clear(&other);
    if (!wrong && *verdict == DOWN_CONVERTS &&
        convert(kind, buf_str(&out), piece, &other) != DOWN_FITS)
        wrong = "the result does not fit";
    buf_free(&out);
    buf_free(&other);
    return wrong;
}

#endif
