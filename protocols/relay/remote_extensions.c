/* remote_extensions.c - see remote_extensions.h. */
#include "protocols/relay/remote_extensions.h"

#include "core/base/str.h"

/* clang-format off */
static const struct {
    struct fct_str name;
    uint32_t bit;
} keywords[] = {
    {FCT_STR_INIT("PIPELINING"),          REMOTE_PIPELINING},
    {FCT_STR_INIT("SIZE"),                REMOTE_SIZE},
    {FCT_STR_INIT("8BITMIME"),            REMOTE_8BITMIME},
    {FCT_STR_INIT("SMTPUTF8"),            REMOTE_SMTPUTF8},
    {FCT_STR_INIT("CHUNKING"),            REMOTE_CHUNKING},
    {FCT_STR_INIT("BINARYMIME"),          REMOTE_BINARYMIME},
    {FCT_STR_INIT("DSN"),                 REMOTE_DSN},
    {FCT_STR_INIT("STARTTLS"),            REMOTE_STARTTLS},
    {FCT_STR_INIT("REQUIRETLS"),          REMOTE_REQUIRETLS},
    {FCT_STR_INIT("ENHANCEDSTATUSCODES"), REMOTE_STATUS},
    {FCT_STR_INIT("LIMITS"),              REMOTE_LIMITS},
    {FCT_STR_INIT("MT-PRIORITY"),         REMOTE_PRIORITY},
};

static const struct {
    struct fct_str name;
    uint32_t bit;
} mechanisms[] = {
    {FCT_STR_INIT("PLAIN"),         REMOTE_AUTH_PLAIN},
    {FCT_STR_INIT("LOGIN"),         REMOTE_AUTH_LOGIN},
    {FCT_STR_INIT("SCRAM-SHA-256"), REMOTE_AUTH_SCRAM_SHA_256},
};
/* clang-format on */

static struct fct_str next_word(struct fct_str *rest)
{
    *rest = str_trim(*rest);
    size_t n = 0;

    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    struct fct_str word = str_head(*rest, n);

    *rest = str_skip(*rest, n);
    return word;
}

static void read_mechanisms(struct remote_extensions *to, struct fct_str rest)
{
    for (struct fct_str word = next_word(&rest); word.n > 0; word = next_word(&rest))
        for (size_t i = 0; i < FCT_COUNT(mechanisms); i++)
            if (str_equal_nocase(word, mechanisms[i].name))
                to->has |= mechanisms[i].bit;
}

/* limits-param = limit-name "=" limit-value                                RFC 9422 3 */
static void read_limits(struct remote_extensions *to, struct fct_str rest)
{
    for (struct fct_str word = next_word(&rest); word.n > 0; word = next_word(&rest)) {
        struct fct_str name = str_split(&word, '=');
        uint32_t value;

        if (!word.p || !str_to_u32(word, &value) || value == 0)
            continue;
        if (str_equal_nocase(name, FCT_STR("MAILMAX")))
            to->mail_max = value;
        else if (str_equal_nocase(name, FCT_STR("RCPTMAX")))
            to->rcpt_max = value;
    }
}

void remote_extension_line(struct remote_extensions *to, struct fct_str words)
{
    struct fct_str rest = words, name = next_word(&rest);
    uint32_t bit = 0;

    for (size_t i = 0; i < FCT_COUNT(keywords); i++)
        if (str_equal_nocase(name, keywords[i].name))
            bit = keywords[i].bit;
    to->has |= bit;
    if (bit == REMOTE_SIZE && !str_to_u64(next_word(&rest), &to->size))
        to->size = 0;
    if (bit == REMOTE_LIMITS)
        read_limits(to, rest);
    if (str_equal_nocase(name, FCT_STR("AUTH")))
        read_mechanisms(to, rest);
    else if (str_starts_nocase(name, FCT_STR("AUTH="))) { /* before RFC 4954: still seen */
        rest = words;
        rest = str_skip(str_trim(rest), 5);
        read_mechanisms(to, rest);
    }
}
