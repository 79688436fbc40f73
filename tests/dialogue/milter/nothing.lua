-- without plugins
-- Nobody hooks anything: one reply at connect, and no message costs a round trip.
local conn = connect(6, 0x1ff, 0x1fffff)
for name, bit in pairs {NOHELO = SMFIP_NOHELO, NOMAIL = SMFIP_NOMAIL, NORCPT = SMFIP_NORCPT, NOHDRS = SMFIP_NOHDRS, NOEOH = SMFIP_NOEOH,
                        NOBODY = SMFIP_NOBODY, NODATA = SMFIP_NODATA, NOUNKNOWN = SMFIP_NOUNKNOWN} do
    check(name .. ' is asked for', mt.test_option(conn, bit))
end
check('accepted at once', client(conn) == SMFIR_ACCEPT)
mt.disconnect(conn)
