/* http_int.h - what the files of this folder share: the loop's side (http_client.c) and one
 * question (http_transfer.c). */
#ifndef CORE_HTTP_HTTP_INT_H
#define CORE_HTTP_HTTP_INT_H

#include "core/base/buf.h"
#include "core/fiber/fiber.h"
#include "core/http/http_client.h"
#include <curl/curl.h>

struct x509_store_st;

struct http_client {
    struct event_base *base;
    const struct http_conf *conf;
    struct dns_resolver *dns;
    struct authorities *authorities; /* NULL: nobody is asked by https */
    CURLM *multi;
    struct event *timer;
    struct http_stats stats;
};

/* One question and its answer, without redirects. */
struct http_transfer {
    struct http_client *client;
    struct arena *arena;
    const struct fct_http_request *request;
    const struct fct_url *url;
    const char *method;
    bool sends_headers; /* the plugin's own; not to a host it did not name */
    uint64_t deadline_ms;
    size_t max;
    /* while it runs */
    CURL *easy;
    struct curl_slist *resolve, *header;
    struct fiber_token token;
    bool done, too_large;
    CURLcode code;
    char why[CURL_ERROR_SIZE];
    struct buf body;
    struct fct_str *got; /* headers of the answer */
    size_t headers, header_bytes;
    struct fct_str location;
    long status;
};

/* http_transfer.c */
FCT_MUST_CHECK bool http_transfer_prepare(struct http_transfer *t, struct fct_err *err);
FCT_MUST_CHECK bool http_request_check(const struct fct_http_request *request, struct fct_err *err);
void http_transfer_end(struct http_transfer *t);

#endif
