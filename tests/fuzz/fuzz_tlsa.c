/* fuzz_tlsa.c - any bytes as the data of a TLSA record, and as one that OpenSSL is given. */
#include "core/base/str.h"
#include "protocols/relay/policy/dane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static SSL_CTX *context(void)
{
    static SSL_CTX *one;
    struct fct_err err = {0};

    if (!one) {
        one = SSL_CTX_new(TLS_client_method());
        FCT_ASSERT(one && dane_context_prepare(one, &err));
    }
    return one;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fct_dns_record record[] = {{.data = {(const char *)data, size}},
                                      {.data = {(const char *)data, size / 2}}};
    struct fct_dns_answer answer = {
        .status = FCT_DNS_OK, .authentic = true, .record = record, .n = 2};
    struct arena *arena = arena_new(NULL);
    struct fct_err err = {0};
    struct dane_host host;
    size_t taken;

    dane_from_answer(arena, FCT_STR("mx.example"), &answer, &host);
    FCT_ASSERT((host.state == DANE_USABLE) == (host.n > 0));
    for (size_t i = 0; i < host.n; i++)
        FCT_ASSERT(tlsa_record_show(arena, &host.record[i]).n == 6 + 2 * host.record[i].data.n);
    if (host.n > 0) {
        SSL *ssl = SSL_new(context());

        if (dane_connection_prepare(ssl, &host, FCT_STR(""), &taken, &err))
            FCT_ASSERT(taken <= host.n);
        SSL_free(ssl);
    }
    arena_free(&arena);
    return 0;
}
