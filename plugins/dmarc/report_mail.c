/* report_mail.c - see report_mail.h. */
#include "report_mail.h"

#define LINE_BYTES 57 /* of a base64 line of 76 characters (RFC 2045 6.8) */

static void put_base64(FILE *out, struct fct_str in)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < in.n; i += 3) {
        uint32_t bits = (uint32_t)(unsigned char)in.p[i] << 16;
        char four[4] = {0, 0, '=', '='};

        if (i + 1 < in.n)
            bits |= (uint32_t)(unsigned char)in.p[i + 1] << 8;
        if (i + 2 < in.n)
            bits |= (unsigned char)in.p[i + 2];
        four[0] = letters[bits >> 18];
        four[1] = letters[bits >> 12 & 63];
        if (i + 1 < in.n)
            four[2] = letters[bits >> 6 & 63];
        if (i + 2 < in.n)
            four[3] = letters[bits & 63];
        (void)fwrite(four, 1, sizeof four, out);
        if ((i + 3) % LINE_BYTES == 0 || i + 3 >= in.n)
            (void)fputs("\r\n", out);
    }
}

/* phrase: in quotes where it is plain ASCII, else left out          RFC 5322 3.2.5 */
static void put_from(FILE *out, const struct report_mail *mail)
{
    const char *org = mail->head->org;
    bool plain = *org != 0;

    for (const char *p = org; *p; p++)
        plain = plain && *p >= ' ' && *p <= '~' && *p != '"' && *p != '\\';
    if (plain)
        (void)fprintf(out, "From: \"%s\"\r\n <%s>\r\n", org, mail->from);
    else
        (void)fprintf(out, "From: <%s>\r\n", mail->from);
}

/* dmarc-subject                                                    RFC 9990 3.5.2 */
static void put_header(FILE *out, const struct report_mail *mail, const char *boundary)
{
    const struct report_head *head = mail->head;

    put_from(out, mail);
    for (size_t i = 0; i < mail->recipients; i++)
        (void)fprintf(out, "%s<%s>%s\r\n", i == 0 ? "To: " : " ", mail->to[i],
                      i + 1 < mail->recipients ? "," : "");
    (void)fprintf(out, "Subject: Report Domain: %.*s\r\n Submitter: %s\r\n Report-ID: <%s>\r\n",
                  FCT_FMT(head->domain), head->receiver, head->id);
    (void)fprintf(out, "Date: %s\r\nMessage-ID: <%s>\r\nMIME-Version: 1.0\r\n", mail->date,
                  head->id);
    (void)fprintf(out,
                  "Auto-Submitted: auto-generated\r\n"
                  "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n",
                  boundary);
}

void report_mail_write(FILE *out, const struct report_mail *mail)
{
    static const char boundary[] = "=_dmarc_aggregate_report"; /* never in base64 or the text */
    const struct report_head *head = mail->head;
    char name[REPORT_NAME_MAX];

    report_file_name(name, head, "xml.gz");
    put_header(out, mail, boundary);
    (void)fprintf(out,
                  "--%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
                  "This is a DMARC aggregate report (RFC 9990) for the domain\r\n%.*s\r\n"
                  "by %s.\r\n\r\n",
                  boundary, FCT_FMT(head->domain), head->receiver);
    (void)fprintf(out,
                  "--%s\r\nContent-Type: application/gzip\r\n"
                  "Content-Disposition: attachment;\r\n filename=\"%s\"\r\n"
                  "Content-Transfer-Encoding: base64\r\n\r\n",
                  boundary, name);
    put_base64(out, mail->gzip);
    (void)fprintf(out, "--%s--\r\n", boundary);
}
