/* image_request.c - see image_request.h. */
#include "protocols/images/image_request.h"

#include "core/base/str.h"

static bool refuse(struct image_request *r, unsigned status)
{
    r->refused = status;
    r->keep = false;
    return false;
}

bool image_request_strip(struct fct_str *line)
{
    if (line->n < 2 || line->p[line->n - 1] != '\n' || line->p[line->n - 2] != '\r')
        return false;
    *line = str_head(*line, line->n - 2);
    return true;
}

/* token = 1*tchar                                                       RFC 9110 5.6.2 */
static bool is_token(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f ||
            strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
            return false;
    return s.n > 0;
}

/* field-vchar, obs-text, SP and HTAB                                    RFC 9110 5.5 */
static bool is_field_text(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_target(struct fct_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || (unsigned char)s.p[i] >= 0x7f)
            return false;
    return s.n > 0 && s.p[0] == '/';
}

/* request-line = method SP request-target SP HTTP-version               RFC 9112 3 */
static bool request_line(struct image_request *r, struct fct_str line)
{
    struct fct_str rest = line, method = str_split(&rest, ' '), target;

    if (!is_token(method) || !rest.p)
        return refuse(r, 400);
    target = str_split(&rest, ' ');
    if (!rest.p || !is_target(target) || !str_starts(rest, FCT_STR("HTTP/")))
        return refuse(r, 400);
    r->is_11 = str_equal(rest, FCT_STR("HTTP/1.1"));
    if (!r->is_11 && !str_equal(rest, FCT_STR("HTTP/1.0")))
        return refuse(r, 505);
    r->head = str_equal(method, FCT_STR("HEAD"));
    if (!r->head && !str_equal(method, FCT_STR("GET")))
        return refuse(r, 405);
    if (target.n > sizeof r->target)
        return refuse(r, 414);
    memcpy(r->target, target.p, target.n);
    r->target_length = target.n;
    r->has_line = true;
    r->keep = r->is_11;
    return true;
}

/* Connection = #connection-option                                       RFC 9110 7.6.1 */
static void take_connection(struct image_request *r, struct fct_str value)
{
    while (value.p)
        if (str_equal_nocase(str_trim(str_split(&value, ',')), FCT_STR("close")))
            r->keep = false;
}

/* field-line = field-name ":" OWS field-value OWS                       RFC 9112 5 */
static bool field_line(struct image_request *r, struct fct_str line)
{
    struct fct_str value = line, name = str_split(&value, ':');

    if (!value.p || !is_token(name) || !is_field_text(value))
        return refuse(r, 400);
    if (++r->fields > IMAGE_FIELDS_MAX)
        return refuse(r, 431);
    value = str_trim(value);
    if (str_equal_nocase(name, FCT_STR("Host"))) {
        if (r->has_host) /* RFC 9112 3.2 */
            return refuse(r, 400);
        r->has_host = true;
    } else if (str_equal_nocase(name, FCT_STR("Transfer-Encoding")) ||
               (str_equal_nocase(name, FCT_STR("Content-Length")) &&
                !str_equal(value, FCT_STR("0")))) {
        return refuse(r, 413); /* nobody has a body to send here */
    } else if (str_equal_nocase(name, FCT_STR("Connection"))) {
        take_connection(r, value);
    }
    return true;
}

bool image_request_line(struct image_request *r, struct fct_str line)
{
    if (!r->has_line)
        return request_line(r, line);
    if (line.n > 0)
        return field_line(r, line);
    if (r->is_11 && !r->has_host)
        (void)refuse(r, 400);
    return false;
}
