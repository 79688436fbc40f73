/* delivery_text.c - see delivery_text.h. A language is one entry here and one column of `reasons`.
 */
#include "core/message/delivery_text.h"

#include "core/base/str.h"
#include "core/message/mime.h"

/* clang-format off */
const struct delivery_text delivery_text[LANGUAGES] = {
    [LANGUAGE_ENGLISH] = {
        .from = "Mail Delivery System",
        .greeting = {"This is the mail server ", ".\n"},
        .action = {
            [DELIVERY_FAILED] = {"Your message could not be delivered",
                                 "Your message could not be delivered to:",
                                 "It is not tried again. Please check the address, or reach the recipient another way.\n"},
            [DELIVERY_DELAYED] = {"Your message is delayed",
                                  "Your message has not been delivered yet to:",
                                  "You need not send it again: the server keeps trying and tells you if it gives up.\n"},
            [DELIVERY_DELIVERED] = {"Your message was delivered", "Your message was delivered to:", ""},
            [DELIVERY_RELAYED] = {"Your message was passed on",
                                  "Your message was passed on to a server that does not confirm delivery, for:", ""},
            [DELIVERY_EXPANDED] = {"Your message was passed on to several recipients",
                                   "Your message was passed on to all recipients behind:", ""},
        },
        .answered = {"The server ", " answered:"},
        .until = "It will be tried until",
        .reason_unknown = "No reason was given.",
        .returned_full = "Your message is attached.\n",
        .returned_header = "The header of your message is attached.\n",
    },
    [LANGUAGE_FRENCH] = {
        .from = "Service de distribution du courrier",
        .greeting = {"Ici le serveur de messagerie ", ".\n"},
        .action = {
            [DELIVERY_FAILED] = {"Votre message n'a pas pu être remis",
                                 "Votre message n'a pas pu être remis à :",
                                 "Aucun nouvel essai ne sera fait. Vérifiez l'adresse ou joignez le destinataire autrement.\n"},
            [DELIVERY_DELAYED] = {"Votre message est retardé",
                                  "Votre message n'a pas encore été remis à :",
                                  "Inutile de le renvoyer : le serveur continue d'essayer et vous préviendra s'il abandonne.\n"},
            [DELIVERY_DELIVERED] = {"Votre message a été remis", "Votre message a été remis à :", ""},
            [DELIVERY_RELAYED] = {"Votre message a été transmis",
                                  "Votre message a été transmis à un serveur qui ne confirme pas la remise, pour :", ""},
            [DELIVERY_EXPANDED] = {"Votre message a été transmis à plusieurs personnes",
                                   "Votre message a été transmis à tous les destinataires de :", ""},
        },
        .answered = {"Le serveur ", " a répondu :"},
        .until = "Les essais continueront jusqu'au",
        .reason_unknown = "Aucune raison n'a été donnée.",
        .returned_full = "Votre message est joint.\n",
        .returned_header = "L'en-tête de votre message est joint.\n",
    },
};

/* subject "." detail of RFC 3463, the class aside; the first that fits counts, "4." is all of 4 */
static const struct reason {
    const char *code;
    const char *text[LANGUAGES];
} reasons[] = {
    {"1.1",  {"This address does not exist.", "Cette adresse n'existe pas."}},
    {"1.2",  {"This domain does not exist.", "Ce domaine n'existe pas."}},
    {"1.3",  {"This address is not written correctly.", "Cette adresse est mal écrite."}},
    {"1.6",  {"The recipient has moved and left no new address.", "Le destinataire a déménagé sans laisser d'adresse."}},
    {"1.8",  {"The sender's address is refused there.", "L'adresse de l'expéditeur y est refusée."}},
    {"1.10", {"This domain receives no mail.", "Ce domaine ne reçoit pas de courrier."}},
    {"1.",   {"There is a problem with the address.", "L'adresse pose problème."}},
    {"2.1",  {"The mailbox is closed.", "La boîte aux lettres est fermée."}},
    {"2.2",  {"The mailbox is full.", "La boîte aux lettres est pleine."}},
    {"2.3",  {"The message is too large for this mailbox.", "Le message est trop gros pour cette boîte aux lettres."}},
    {"2.",   {"There is a problem with the mailbox.", "La boîte aux lettres pose problème."}},
    {"3.4",  {"The message is too large for the other server.", "Le message est trop gros pour l'autre serveur."}},
    {"3.",   {"The other server has a problem.", "L'autre serveur rencontre un problème."}},
    {"4.1",  {"The other server did not answer.", "L'autre serveur n'a pas répondu."}},
    {"4.3",  {"The other server could not be found for now.", "L'autre serveur est introuvable pour l'instant."}},
    {"4.4",  {"There is no way to the other server.", "Aucun chemin ne mène à l'autre serveur."}},
    {"4.6",  {"The message goes round in circles between servers.", "Le message tourne en rond entre des serveurs."}},
    {"4.7",  {"It was tried for too long without success.", "Les essais ont duré trop longtemps sans succès."}},
    {"4.",   {"The other server could not be reached.", "L'autre serveur n'a pas pu être joint."}},
    {"6.7",  {"The other server does not take addresses with such letters.", "L'autre serveur n'accepte pas d'adresses avec de telles lettres."}},
    {"6.",   {"The other server does not take messages of this form.", "L'autre serveur n'accepte pas cette forme de message."}},
    {"7.10", {"The encryption that was asked for is not possible.", "Le chiffrement demandé n'est pas possible."}},
    {"7.30", {"The other server does not keep up REQUIRETLS.", "L'autre serveur ne respecte pas REQUIRETLS."}},
    {"7.",   {"The other server refused the message.", "L'autre serveur a refusé le message."}},
};
/* clang-format on */

const char *delivery_text_reason(enum language language, struct fct_str status)
{
    struct fct_str code = status;

    (void)str_split(&code, '.');
    for (size_t i = 0; i < FCT_COUNT(reasons) && code.p; i++) {
        struct fct_str want = str_from(reasons[i].code);

        if (want.p[want.n - 1] == '.' ? str_starts(code, want) : str_equal(code, want))
            return reasons[i].text[language];
    }
    return "";
}

/* ---- which language ---- */

/* language-tag = primary *("-" subtag)                               RFC 5646 2.1 */
/* Is the first language of a list ("fr-CA, en;q=0.5") one of ours? */
static bool first_language(struct arena *arena, const struct header_list *header, const char *name,
                           enum language *out)
{
    const struct fct_header *h = header_find(header, name, 0);
    struct fct_str list = h ? header_unfold(arena, h) : FCT_STR(""), first;

    first = str_split(&list, ',');
    return language_find(str_trim(str_split(&first, ';')), out);
}

enum language delivery_language_of_message(struct fct_str message, enum language otherwise)
{
    struct arena *arena = arena_new(NULL);
    enum language found;
    struct header_list header;

    header_list_parse(arena, message, &mime_default_limits.header, &header);
    if (!first_language(arena, &header, "Accept-Language", &found) &&
        !first_language(arena, &header, "Content-Language", &found))
        found = otherwise;
    arena_free(&arena);
    return found;
}
