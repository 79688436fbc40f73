-- What is asked follows from what the plugin hooks: everything but chunks and login, with verdicts at connect, HELO, MAIL, RCPT, DATA
-- and unknown commands.
local conn = connect(6, 0x1ff, 0x1fffff)
for name, bit in pairs {NOCONNECT = SMFIP_NOCONNECT, NOHELO = SMFIP_NOHELO, NOMAIL = SMFIP_NOMAIL, NORCPT = SMFIP_NORCPT, NOBODY = SMFIP_NOBODY,
                        NOHDRS = SMFIP_NOHDRS, NODATA = SMFIP_NODATA, NOUNKNOWN = SMFIP_NOUNKNOWN, NR_CONN = SMFIP_NR_CONN,
                        NR_HELO = SMFIP_NR_HELO, NR_MAIL = SMFIP_NR_MAIL, NR_RCPT = SMFIP_NR_RCPT, NR_DATA = SMFIP_NR_DATA} do
    check(name .. ' is not asked for', not mt.test_option(conn, bit))
end
for name, bit in pairs {NOEOH = SMFIP_NOEOH, NR_HDR = SMFIP_NR_HDR, NR_BODY = SMFIP_NR_BODY, RCPT_REJ = SMFIP_RCPT_REJ,
                        HDR_LEADSPC = SMFIP_HDR_LEADSPC} do
    check(name .. ' is asked for', mt.test_option(conn, bit))
end
for name, bit in pairs {ADDHDRS = SMFIF_ADDHDRS, CHGHDRS = SMFIF_CHGHDRS, CHGBODY = SMFIF_CHGBODY, ADDRCPT = SMFIF_ADDRCPT,
                        DELRCPT = SMFIF_DELRCPT, QUARANTINE = SMFIF_QUARANTINE, CHGFROM = SMFIF_CHGFROM} do
    check(name .. ' is asked for', mt.test_action(conn, bit))
end
mt.disconnect(conn)

-- An MTA that offers less gets less.
conn = connect(6, 0x1, 0x7f)
check('only what is offered', mt.test_action(conn, SMFIF_ADDHDRS) and not mt.test_action(conn, SMFIF_CHGBODY))
mt.disconnect(conn)
