-- Every version that libmilter takes, with what MTAs of that time offered: the same message gets the same edits.
local offers = {
    {2, 0x3f, 0x7f},       -- Sendmail 8.12, Postfix milter_protocol = 2
    {3, 0x3f, 0x17f},      -- unknown commands
    {4, 0x3f, 0x37f},      -- DATA
    {6, 0x1ff, 0x1fffff},  -- Sendmail 8.14 and later: no-reply bits, SKIP, leading space
}
for _, o in ipairs(offers) do
    local conn, reply = message({{'Subject', o[1] == 6 and ' old' or 'old'}, {'X-Do', 'top X-Top value'}, {'X-Do', 'set Subject 0 new'},
                                 {'X-Do', 'remove X-Gone 0'}, {'X-Gone', 'x'}}, 'body\r\n', o[1], o[2], o[3])
    check('version ' .. o[1] .. ': reply', reply == SMFIR_CONTINUE)
    local blank = o[1] == 6 and ' ' or ''
    check('inserted', mt.eom_check(conn, MT_HDRINSERT, 'X-Top', blank .. 'value', 0))
    check('changed', mt.eom_check(conn, MT_HDRCHANGE, 'Subject', blank .. 'new'))
    check('removed', mt.eom_check(conn, MT_HDRDELETE, 'X-Gone'))
    mt.disconnect(conn)
end
