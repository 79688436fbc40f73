/* email_text.c - the number of an e-mail as text: "m" and hexadecimal digits. A letter first, one
 * case: RFC 8474 7 says why. */
#include "store/store.h"

struct fct_str store_email_text(uint64_t email_id, char text[STORE_EMAIL_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 1;

    for (uint64_t rest = email_id; rest >= 16; rest >>= 4)
        n++;
    text[0] = 'm';
    for (size_t i = n; i > 0; i--, email_id >>= 4)
        text[i] = digits[email_id & 15];
    return (struct fct_str){text, n + 1};
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool store_email_parse(struct fct_str text, uint64_t *email_id)
{
    *email_id = 0;
    if (text.n < 2 || text.n >= STORE_EMAIL_TEXT || text.p[0] != 'm')
        return false;
    for (size_t i = 1; i < text.n; i++) {
        if (digit(text.p[i]) < 0)
            return false;
        *email_id = *email_id << 4 | (uint64_t)digit(text.p[i]);
    }
    return true;
}
