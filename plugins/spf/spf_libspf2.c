/* spf_libspf2.c - see spf_libspf2.h. Its DNS is a struct of functions: ours waits in the fiber. */
#include "spf_libspf2.h"

#include "spf_check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/types.h>

#include <spf2/spf.h>

/* ---- the DNS ---- */

static int herrno_of(const struct fct_dns_answer *answer)
{
    switch (answer->status) {
    case FCT_DNS_OK:
        return NETDB_SUCCESS;
    case FCT_DNS_NO_NAME:
        return HOST_NOT_FOUND;
    case FCT_DNS_NO_DATA:
        return NO_DATA;
    default:
        return TRY_AGAIN;
    }
}

/* The data of one record as the library keeps it. False: no memory, or not fit for it. */
static bool put_record(SPF_dns_rr_t *rr, ns_type type, struct fct_str data)
{
    int at = rr->num_rr;
    size_t room = type == ns_t_a || type == ns_t_aaaa ? sizeof(SPF_dns_rr_data_t) : data.n + 1;
    char address[INET6_ADDRSTRLEN] = "";

    if (SPF_dns_rr_buf_realloc(rr, at, room) != SPF_E_SUCCESS)
        return false;
    if (type == ns_t_a || type == ns_t_aaaa) {
        if (data.n >= sizeof address)
            return false;
        memcpy(address, data.p, data.n);
        if (inet_pton(type == ns_t_a ? AF_INET : AF_INET6, address, rr->rr[at]) != 1)
            return false;
    } else {
        /* mx, ptr and txt begin at the same place. */
        if (data.n > 0)
            memcpy(rr->rr[at]->txt, data.p, data.n);
        rr->rr[at]->txt[data.n] = '\0';
    }
    rr->num_rr++;
    return true;
}

static FCT_MAY_WAIT SPF_dns_rr_t *look_up(SPF_dns_server_t *server, const char *domain,
                                          ns_type type, int should_cache)
{
    const struct spf_dns *dns = server->hook;
    struct fct_dns_answer answer = {.size = sizeof answer, .status = FCT_DNS_NO_DATA};
    SPF_dns_rr_t *rr;

    (void)should_cache;
    if (type == ns_t_a || type == ns_t_aaaa || type == ns_t_mx || type == ns_t_ptr ||
        type == ns_t_txt)
        (void)dns->ask(dns->ctx, (enum fct_dns_type)type, spf_view(domain), &answer);
    rr = SPF_dns_rr_new_init(server, domain, type, 0, herrno_of(&answer));
    for (size_t i = 0; rr && i < answer.n; i++)
        if (!put_record(rr, type, answer.record[i].data))
            break;
    return rr;
}

/* ---- a check ---- */

static enum spf_result result_of(SPF_result_t result)
{
    switch (result) {
    case SPF_RESULT_NEUTRAL:
        return SPF_NEUTRAL;
    case SPF_RESULT_PASS:
        return SPF_PASS;
    case SPF_RESULT_FAIL:
        return SPF_FAIL;
    case SPF_RESULT_SOFTFAIL:
        return SPF_SOFTFAIL;
    case SPF_RESULT_NONE:
        return SPF_NONE;
    case SPF_RESULT_PERMERROR:
        return SPF_PERMERROR;
    case SPF_RESULT_INVALID:
    case SPF_RESULT_TEMPERROR:
        break;
    }
    return SPF_TEMPERROR;
}

static bool set_request(SPF_request_t *request, const struct spf_query *query, const char *sender)
{
    struct in_addr v4;
    struct in6_addr v6;
    char helo[SPF_NAME_MAX + 1];

    memcpy(&v4, query->client.byte, sizeof v4);
    memcpy(&v6, query->client.byte, sizeof v6);
    (void)snprintf(helo, sizeof helo, "%.*s", FCT_FMT(query->helo));
    return (query->client.v6 ? SPF_request_set_ipv6(request, v6)
                             : SPF_request_set_ipv4(request, v4)) == SPF_E_SUCCESS &&
           SPF_request_set_helo_dom(request, helo) == SPF_E_SUCCESS &&
           SPF_request_set_env_from(request, sender) == SPF_E_SUCCESS;
}

static FCT_MAY_WAIT void run(SPF_request_t *request, struct spf_outcome *out)
{
    SPF_response_t *response = NULL;
    SPF_errcode_t code = SPF_request_query_mailfrom(request, &response);

    if (!response)
        return;
    out->result = result_of(SPF_response_result(response));
    if (out->result == SPF_TEMPERROR && code == SPF_E_NOT_SPF)
        out->result = SPF_PERMERROR; /* it means a record that it cannot read */
    if (code != SPF_E_SUCCESS &&
        (out->result == SPF_NONE || out->result == SPF_TEMPERROR || out->result == SPF_PERMERROR))
        (void)snprintf(out->why, sizeof out->why, "libspf2: %s", SPF_strerror(code));
    SPF_response_free(response);
}

static FCT_MAY_WAIT void serve(SPF_server_t *server, const struct spf_query *query,
                               const char *sender, struct spf_outcome *out)
{
    SPF_request_t *request = SPF_request_new(server);
    char receiver[SPF_NAME_MAX + 1];

    (void)snprintf(receiver, sizeof receiver, "%.*s", FCT_FMT(query->receiver));
    (void)SPF_server_set_rec_dom(server, receiver);
    (void)SPF_server_set_max_dns_mech(server, (int)query->limits.lookups);
    (void)SPF_server_set_max_dns_mx(server, (int)query->limits.names);
    (void)SPF_server_set_max_dns_ptr(server, (int)query->limits.names);
    if (request && set_request(request, query, sender))
        run(request, out);
    if (request)
        SPF_request_free(request);
}

void spf_check_libspf2(const struct spf_query *query, struct spf_outcome *out)
{
    SPF_dns_server_t dns = {.lookup = look_up, .name = "host"};
    struct spf_dns asker = query->dns;
    struct spf_sender sender;
    SPF_server_t *server;

    *out = (struct spf_outcome){.result = SPF_NONE};
    if (!spf_sender_of(query, &sender, out->domain)) {
        (void)snprintf(out->why, sizeof out->why, "the sender has no domain");
        return;
    }
    dns.hook = &asker;
    server = SPF_server_new_dns(&dns, 0);
    out->result = SPF_TEMPERROR;
    if (server) {
        serve(server, query, sender.text, out);
        SPF_server_free(server);
    }
    if (!out->why[0] &&
        (out->result == SPF_NONE || out->result == SPF_TEMPERROR || out->result == SPF_PERMERROR))
        (void)snprintf(out->why, sizeof out->why, "libspf2 says no more");
}
