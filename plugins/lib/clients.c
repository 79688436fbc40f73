/* clients.c - see clients.h. */
#include "plugins/lib/clients.h"

#include "plugins/lib/ip_address.h"

static bool read_entry(const char *text, bool *except, struct ip_net *net)
{
    *except = *text == '!';
    text += *except;
    return ip_net_parse((struct fct_str){text, strlen(text)}, net);
}

bool clients_check(const char *key, const struct fct_strings *nets, struct fct_err *err)
{
    struct ip_net net;
    bool except;

    for (size_t i = 0; i < nets->n; i++) {
        if (read_entry(nets->item[i], &except, &net))
            continue;
        err->class = FCT_SYNTAX;
        (void)snprintf(err->text, sizeof err->text,
                       "%s: \"%.80s\" must be a network, as 192.0.2.0/24 or 2001:db8::/32, or "
                       "!192.0.2.1 for an exception",
                       key, nets->item[i]);
        return false;
    }
    return true;
}

bool clients_have(const struct fct_strings *nets, struct fct_str ip)
{
    struct ip_address client;
    struct ip_net net;
    bool except, have = false;

    if (nets->n == 0 || !ip_address_parse(ip, &client))
        return false;
    have = nets->item[0][0] == '!';
    for (size_t i = 0; i < nets->n; i++)
        if (read_entry(nets->item[i], &except, &net) &&
            ip_address_matches(&client, &net.address, net.bits))
            have = !except;
    return have;
}

bool clients_are_strangers(const struct fct_conn *conn, const struct fct_strings *skip)
{
    struct ip_address client;

    return conn->login.n == 0 && !conn->trusted && ip_address_parse(conn->client_ip, &client) &&
           !clients_have(skip, conn->client_ip);
}
