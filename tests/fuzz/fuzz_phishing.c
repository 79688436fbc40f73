/* fuzz_phishing.c - any bytes as a host name, a display name, a link's text and a path with URLs in
 * it: what is found lies inside, and the end is reached. */
#include "plugins/phishing/phishing_brands.h"
#include "plugins/phishing/phishing_text.h"

#include "core/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(struct fct_str part, struct fct_str whole)
{
    return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

static void read_host(const struct phishing_brands *brands, struct fct_str text)
{
    const char *slash = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
    struct fct_str name = {text.p, slash ? (size_t)(slash - text.p) : text.n};
    struct fct_str display = slash ? (struct fct_str){slash + 1, text.n - name.n - 1} : name;
    const char *dot = name.n > 0 ? memchr(name.p, '.', name.n) : NULL;
    struct phishing_host host = {
        name, display, dot ? (struct fct_str){dot + 1, (size_t)(name.p + name.n - dot - 1)} : name};
    const struct phishing_brand *brand;
    enum phishing_pretence pretence = phishing_pretends(brands, &host, &brand);

    FCT_ASSERT((pretence == PHISHING_HONEST) == (brand == NULL));
    (void)phishing_brand_in_name(brands, text);
    (void)phishing_brand_in_text(brands, text);
    (void)phishing_brand_like_name(brands, text);
}

static void read_text(struct fct_str text)
{
    struct fct_str host = {"", 0};
    char out[64];
    size_t at = 0, n;

    if (phishing_shown_host(text, &host))
        FCT_ASSERT(host.n > 0 && is_inside(host, text));
    for (size_t before = 0; (n = phishing_embedded_url(text, &at, out, sizeof out)) > 0;
         before = at)
        FCT_ASSERT(n <= sizeof out && at > before && at <= text.n);
    (void)phishing_scheme_of(text);
    (void)phishing_turns_text(text);
    (void)phishing_looks_like_host(text);
    (void)phishing_is_tracker(text);
    (void)phishing_is_shortener(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct phishing_look *look;
    static struct phishing_brands brands;
    const struct fct_strings none = {NULL, 0};
    struct fct_err err = {0};

    if (!look) {
        look = phishing_look_open(&err);
        FCT_ASSERT(look && phishing_brands_open(&brands, look, &none, &none, &err));
    }
    if (size > 2000)
        return 0;
    read_host(&brands, (struct fct_str){(const char *)data, size});
    read_text((struct fct_str){(const char *)data, size});
    (void)phishing_is_mixed(look, (struct fct_str){(const char *)data, size});
    return 0;
}
