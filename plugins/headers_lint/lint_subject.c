/* lint_subject.c - how the subject is written, and whether it is what it pretends to be. */
#include "lint.h"

#include "lint_text.h"

#define LETTERS_MIN 10u /* fewer capitals may be an acronym */
#define GAPS_MIN    5u

/* "=?utf-8?B?…?=" around nothing but ASCII: nobody's mail program encodes that, spam does, to pass
 * by filters that do not decode. A comma or a colon may need it in an address, not here. */
static bool is_encoded_for_nothing(struct fct_str raw, struct fct_str text)
{
    return lint_begins(raw, "=?") && raw.n > 2 && text.n > 0 && lint_is_ascii(text) &&
           !memmem(text.p, text.n, "=?", 2) && text.n < 60;
}

static bool is_all_capitals(struct fct_str text)
{
    size_t upper = 0;

    for (size_t i = 0; i < text.n; i++) {
        if ((text.p[i] >= 'a' && text.p[i] <= 'z') || (unsigned char)text.p[i] > 127)
            return false;
        upper += text.p[i] >= 'A' && text.p[i] <= 'Z';
    }
    return upper >= LETTERS_MIN && memchr(text.p, ' ', text.n);
}

/* "V I A G R A" */
static bool has_gaps(struct fct_str text)
{
    size_t single = 0;

    for (size_t i = 0; i + 1 < text.n; i += 2) {
        bool pair = text.p[i] != ' ' && text.p[i + 1] == ' ';

        single = pair ? single + 1 : 0;
        if (single >= GAPS_MIN)
            return true;
    }
    return false;
}

/* Zero-width characters and soft hyphens between letters; emoji need joiners. */
static bool hides(struct fct_str text)
{
    static const char *const unseen[] = {"\xe2\x80\x8b", "\xc2\xad", "\xe2\x81\xa0", "\xef\xbb\xbf",
                                         "\xcd\x8f"};

    for (size_t i = 0; text.n > 0 && i < FCT_COUNT(unseen); i++)
        if (memmem(text.p, text.n, unseen[i], strlen(unseen[i])))
            return true;
    return false;
}

static bool is_reply(struct fct_str text)
{
    static const char *const marks[] = {"Re:", "Fwd:", "Aw:", "Fw:", "Sv:", "Antw:", "Odp:", "Rv:"};

    for (size_t i = 0; i < FCT_COUNT(marks); i++)
        if (lint_begins(text, marks[i]))
            return true;
    return false;
}

/* Forwarding makes a new thread in some programs, and lists answer out of digests: only replies of
 * people must name what they answer. */
static bool is_faked_reply(struct lint *l, struct fct_str text)
{
    return is_reply(text) && !lint_begins(text, "Fw") &&
           !l->host->header(l->call, "References", 0) &&
           !l->host->header(l->call, "In-Reply-To", 0) &&
           !l->host->header(l->call, "Thread-Index", 0) &&
           !l->host->header(l->call, "List-Id", 0) && !l->host->header(l->call, "Precedence", 0);
}

void lint_subject(struct lint *l)
{
    const struct fct_header *h = l->host->header(l->call, "Subject", 0);
    struct fct_str raw, text;

    if (!h)
        return;
    raw = lint_trim(h->value);
    text = lint_trim(l->host->header_text(l->call, h));
    lint_if(l, is_encoded_for_nothing(raw, text), LINT_SUBJECT_ENCODED, text);
    lint_if(l, is_all_capitals(text), LINT_SUBJECT_CAPS, text);
    lint_if(l, has_gaps(text), LINT_SUBJECT_GAPS, text);
    lint_if(l, hides(text), LINT_SUBJECT_HIDDEN, text);
    lint_if(l, is_faked_reply(l, text), LINT_FAKED_REPLY, text);
}
