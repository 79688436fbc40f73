/* sendmail_main.c - sendmail, mailq and newaliases as programs expect them, for a server that runs
 * on this machine (docs/queue.md). It has no rights of its own and needs none: the message goes to
 * the server over a socket, and the exit status says whether the server has it (sysexits.h). */
#include "core/base/str.h"
#include "core/sendmail/sendmail_args.h"
#include "core/sendmail/sendmail_message.h"
#include "core/sendmail/sendmail_submit.h"

#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static const char help[] =
    "usage: sendmail [options] [--] [recipient…]   a message from standard input\n"
    "  -t          recipients from To, Cc and Bcc\n"
    "  -f ADDRESS  the envelope's sender; '<>': none (also -r)\n"
    "  -F NAME     the sender's full name\n"
    "  -i, -oi     a line with a single dot does not end the message\n"
    "  -N WHEN     reports: never, or some of success,failure,delay\n"
    "  -R WHAT     in reports: full or hdrs\n"
    "  -V ID       in reports: this id\n"
    "  -bs         SMTP on standard input and output\n"
    "  -bp         what waits in the queue (mailq)\n"
    "  -q          try all that waits now\n"
    "Other options of sendmail(8) are taken and mean nothing here. FACTEUR_SUBMIT names another\n"
    "socket than " FACTEUR_SUBMIT_SOCKET ".\n";

static int usage(const struct fct_err *err)
{
    (void)fprintf(stderr, "sendmail: %s\n", err->text);
    return EX_USAGE;
}

static int status_of(const struct fct_err *err)
{
    (void)fprintf(stderr, "sendmail: %s\n", err->text);
    if (err->class == FCT_TEMP)
        return EX_IOERR;
    return EX_DATAERR;
}

/* ---- who sends ---- */

static void find_user(struct arena *arena, const struct sendmail_args *args, const char *server,
                      struct sendmail_author *out)
{
    const struct passwd *pw = getpwuid(getuid());
    struct fct_str full = str_from(pw && pw->pw_gecos ? pw->pw_gecos : "");
    struct fct_err ignored = {0};

    out->server = str_from(server);
    out->name = args->name ? str_from(args->name) : arena_str(arena, str_split(&full, ','));
    out->address = pw ? arena_printf(arena, "%s@%s", pw->pw_name, server)
                      : arena_printf(arena, "uid-%u@%s", (unsigned)getuid(), server);
    if (args->has_sender && args->sender[0] && strcmp(args->sender, "<>") != 0)
        (void)!sendmail_address(arena, str_from(args->sender), out->server, &out->address,
                                &ignored);
}

/* ---- sending ---- */

static bool add_words(struct arena *arena, const struct sendmail_args *args,
                      struct sendmail_made *made, struct fct_str server, struct fct_err *err)
{
    struct fct_str *all =
        ARENA_ARRAY(arena, struct fct_str, made->recipients + (size_t)args->recipients + 1);

    for (size_t i = 0; i < made->recipients; i++)
        all[i] = made->recipient[i];
    made->recipient = all;
    for (int i = 0; i < args->recipients; i++)
        if (!sendmail_address(arena, str_from(args->recipient[i]), server, &all[made->recipients++],
                              err))
            return false;
    return made->recipients > 0 || fct_fail(err, FCT_SYNTAX, "nobody to send it to");
}

static int send_message(struct sendmail_link *link, struct arena *arena,
                        const struct sendmail_args *args, const struct buf *in)
{
    struct sendmail_author author;
    struct sendmail_made made;
    struct sendmail_envelope envelope;
    struct fct_err err = {0};
    int status;

    find_user(arena, args, link->server, &author);
    if (!sendmail_message_make(arena, buf_str(in), args->from_header, &author, &made, &err) ||
        !add_words(arena, args, &made, author.server, &err)) {
        buf_free(&made.message);
        return made.recipients == 0 && err.class == FCT_SYNTAX ? usage(&err) : status_of(&err);
    }
    envelope = (struct sendmail_envelope){.sender = author.address,
                                          .recipient = made.recipient,
                                          .recipients = made.recipients,
                                          .notify = args->notify,
                                          .ret = args->ret,
                                          .envid = args->envid,
                                          .has_8bit = made.has_8bit};
    if (args->has_sender && (!args->sender[0] || strcmp(args->sender, "<>") == 0))
        envelope.sender = FCT_STR("");
    status = sendmail_submit(link, &envelope, buf_str(&made.message));
    buf_free(&made.message);
    return status;
}

static const char *socket_path(void)
{
    const char *path = getenv("FACTEUR_SUBMIT");

    return path && path[0] ? path : FACTEUR_SUBMIT_SOCKET;
}

/* The whole message first: who writes it is never kept waiting by a server, nor the server by him.
 */
static int send_input(const struct sendmail_args *args)
{
    struct arena *arena = arena_new(NULL);
    struct sendmail_link link = {.fd = -1};
    struct fct_err err = {0};
    struct buf in;
    int status;

    if (!args->from_header && args->recipients == 0) {
        fct_fail(&err, FCT_SYNTAX, "nobody to send it to; recipients, or -t");
        status = usage(&err);
    } else if (!sendmail_message_read(STDIN_FILENO, args->whole, &in, &err)) {
        status = status_of(&err);
    } else {
        status = sendmail_open(socket_path(), &link);
        if (status == EX_OK)
            status = send_message(&link, arena, args, &in);
        sendmail_close(&link);
        buf_free(&in);
    }
    arena_free(&arena);
    return status;
}

static int speak_smtp(void)
{
    struct sendmail_link link;
    int status = sendmail_open(socket_path(), &link);

    if (status == EX_OK)
        status = sendmail_converse(&link, STDIN_FILENO, STDOUT_FILENO);
    sendmail_close(&link);
    return status;
}

/* ---- the queue ---- */

/* facteurctl beside this program, else the installed one; it says itself who may ask. */
static int run_facteurctl(const char *const *words)
{
    char own[PATH_MAX], beside[PATH_MAX + 16];
    const char *argv[8] = {"facteurctl"};
    const char *dir = getenv("FACTEUR_DIR");
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);
    unsigned at = 1;

    if (dir && dir[0]) {
        argv[at++] = "--dir";
        argv[at++] = dir;
    }
    for (; *words && at + 1 < FCT_COUNT(argv); words++)
        argv[at++] = *words;
    if (n > 0) {
        own[n] = '\0';
        *strrchr(own, '/') = '\0';
        (void)snprintf(beside, sizeof beside, "%s/facteurctl", own);
        (void)execv(beside, (char *const *)(uintptr_t)argv);
    }
    (void)execv(FACTEURCTL_PATH, (char *const *)(uintptr_t)argv);
    (void)fprintf(stderr, "sendmail: facteurctl is not to be found\n");
    return EX_UNAVAILABLE;
}

int main(int argc, char **argv)
{
    static const char *const list[] = {"queue", "list", "--mailq", NULL};
    static const char *const flush[] = {"queue", "retry", "--all", NULL};
    struct sendmail_args args;
    struct fct_err err = {0};

    (void)signal(SIGPIPE, SIG_IGN);
    if (!sendmail_args_parse(argc > 0 ? argv[0] : "sendmail", argc, argv, &args, &err))
        return usage(&err);
    if (args.help)
        return fputs(help, stdout) < 0 ? EX_IOERR : EX_OK;
    switch (args.mode) {
    case SENDMAIL_SEND:
        return send_input(&args);
    case SENDMAIL_SMTP:
        return speak_smtp();
    case SENDMAIL_QUEUE:
        return run_facteurctl(list);
    case SENDMAIL_FLUSH:
        return run_facteurctl(flush);
    case SENDMAIL_ALIASES:
        break;
    }
    return EX_OK;
}
