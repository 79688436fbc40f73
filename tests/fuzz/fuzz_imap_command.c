/* fuzz_imap_command.c - bytes of a client after its login and SELECT, through the whole session,
 * with a store in memory. Nothing may crash or leak, and the session must end when the client does.
 */
#include "fake_store.h"
#include "imap_dialogue.h"

#include "core/base/err.h"
#include "core/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char message[] = "From: a@b.example\r\nSubject: x\r\n"
                              "Content-Type: multipart/mixed; boundary=q\r\n\r\n"
                              "--q\r\n\r\none\r\n--q\r\nContent-Type: message/rfc822\r\n\r\n"
                              "Subject: y\r\n\r\ntwo\r\n--q--\r\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct server *sv = server_new("idle_timeout = 30m");
    struct client *c;

    for (int i = 0; i < 3; i++)
        fake_store_add("INBOX", (struct fct_str){message, sizeof message - 1}, 0);
    c = client_selected(sv);
    client_send(c, (struct fct_str){(const char *)data, size});
    for (int i = 0; i < 40; i++)
        server_turn(sv);
    client_free(&c);
    server_free(&sv);
    return 0;
}
