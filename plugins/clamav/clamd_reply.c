/* clamd_reply.c - see clamd_reply.h. */
#include "clamd_reply.h"

static bool ends(struct fct_str s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && memcmp(s.p + s.n - n, with, n) == 0;
}

static bool begins(struct fct_str s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && memcmp(s.p, with, n) == 0;
}

static struct fct_str trimmed(struct fct_str s)
{
    while (s.n > 0 && strchr(" \r\n", s.p[s.n - 1]))
        s.n--;
    return s;
}

void clamd_reply_read(struct fct_str line, struct clamd_reply *out)
{
    struct fct_str s = trimmed(line);

    *out = (struct clamd_reply){CLAMD_ERROR, s};
    if (begins(s, "INSTREAM size limit exceeded")) {
        out->answer = CLAMD_TOO_BIG;
        return;
    }
    if (!begins(s, "stream: "))
        return;
    s.p += 8;
    s.n -= 8;
    if (s.n == 2 && begins(s, "OK")) {
        out->answer = CLAMD_CLEAN;
    } else if (ends(s, " FOUND") && s.n > 6) {
        out->answer = CLAMD_FOUND;
        out->text = (struct fct_str){s.p, s.n - 6};
    }
}

bool clamd_name_begins(const struct fct_strings *list, struct fct_str name)
{
    for (size_t i = 0; i < list->n; i++)
        if (begins(name, list->item[i]))
            return true;
    return false;
}

void clamd_length(uint32_t n, char out[4])
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (char)(n >> (24 - 8 * i) & 0xff);
}
