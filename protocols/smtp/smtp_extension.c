/* smtp_extension.c - see smtp_extension.h. */
#include "protocols/smtp/smtp_extension.h"
#include "core/base/str.h"

/* In the order of EHLO. */
static const struct {
    unsigned bit;
    const char *keyword;
} rows[] = {
    {SMTP_EXT_PIPELINING, "PIPELINING"},
    {SMTP_EXT_SIZE, "SIZE"},
    {SMTP_EXT_8BITMIME, "8BITMIME"},
    {SMTP_EXT_CHUNKING, "CHUNKING"},
    {SMTP_EXT_CODES, "ENHANCEDSTATUSCODES"},
    {SMTP_EXT_STARTTLS, "STARTTLS"},
    {SMTP_EXT_AUTH, "AUTH"},
    {SMTP_EXT_PRDR, "PRDR"},
    {SMTP_EXT_SMTPUTF8, "SMTPUTF8"},
    {SMTP_EXT_DSN, "DSN"},
    {SMTP_EXT_HOLD, "FUTURERELEASE"},
    {SMTP_EXT_PRIORITY, "MT-PRIORITY"},
    {SMTP_EXT_REQUIRETLS, "REQUIRETLS"},
    {SMTP_EXT_LIMITS, "LIMITS"},
};

unsigned smtp_extension_find(struct fct_str keyword)
{
    for (size_t i = 0; i < FCT_COUNT(rows); i++)
        if (str_equal_nocase(keyword, str_from(rows[i].keyword)))
            return rows[i].bit;
    return 0;
}

const char *smtp_extension_keyword(unsigned set)
{
    for (size_t i = 0; i < FCT_COUNT(rows); i++)
        if (set & rows[i].bit)
            return rows[i].keyword;
    return "";
}
