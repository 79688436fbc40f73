/* noop.c - the smallest filter that libmilter allows: what the milter role is measured against.
 *
 *   noop PORT quiet   asks for nothing that it does not have to have (as we do with nothing hooked)
 *   noop PORT plain   has a callback for every event and answers all of them */
#include <libmilter/mfapi.h>
#include <libmilter/mfdef.h>
#include <stdio.h>
#include <string.h>

static int quiet;

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
                             unsigned long f3, unsigned long *p0, unsigned long *p1,
                             unsigned long *p2, unsigned long *p3)
{
    static const unsigned long none = SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT |
                                      SMFIP_NOBODY | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOUNKNOWN |
                                      SMFIP_NODATA;

    (void)ctx, (void)f0, (void)f2, (void)f3;
    *p0 = *p2 = *p3 = 0;
    *p1 = quiet ? none & f1 : 0;
    return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *address)
{
    (void)ctx, (void)host, (void)address;
    return SMFIS_CONTINUE;
}
static sfsistat on_text(SMFICTX *ctx, char *text)
{
    (void)ctx, (void)text;
    return SMFIS_CONTINUE;
}
static sfsistat on_path(SMFICTX *ctx, char **argument)
{
    (void)ctx, (void)argument;
    return SMFIS_CONTINUE;
}
static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
    (void)ctx, (void)name, (void)value;
    return SMFIS_CONTINUE;
}
static sfsistat on_body(SMFICTX *ctx, unsigned char *bytes, size_t n)
{
    (void)ctx, (void)bytes, (void)n;
    return SMFIS_CONTINUE;
}
static sfsistat on_event(SMFICTX *ctx)
{
    (void)ctx;
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    static char name[] = "noop";
    struct smfiDesc filter = {
        .xxfi_name = name,
        .xxfi_version = SMFI_VERSION,
        .xxfi_negotiate = on_negotiate,
        .xxfi_connect = on_connect,
        .xxfi_helo = on_text,
        .xxfi_envfrom = on_path,
        .xxfi_envrcpt = on_path,
        .xxfi_data = on_event,
        .xxfi_header = on_header,
        .xxfi_eoh = on_event,
        .xxfi_body = on_body,
        .xxfi_eom = on_event,
    };
    char where[64];

    if (argc != 3)
        return 64;
    quiet = strcmp(argv[2], "quiet") == 0;
    (void)snprintf(where, sizeof where, "inet:%s@127.0.0.1", argv[1]);
    if (smfi_setconn(where) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS)
        return 1;
    return smfi_main() == MI_SUCCESS ? 0 : 1;
}
