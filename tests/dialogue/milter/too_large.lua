-- conf: milter { max_message_size = 64K }
-- Larger than milter.max_message_size: told at the end; the connection goes on.
local conn, reply = message({{'Subject', ' large'}}, nil)
check('a small one passes', reply == SMFIR_CONTINUE)
mt.disconnect(conn)

conn = connect()
client(conn)
envelope(conn, nil, '<bob@example.test>')
header(conn, {{'Subject', ' large'}})
for _ = 1, 3 do mt.bodyrandom(conn, 40000) end
mt.eom(conn)
check('refused', mt.eom_check(conn, MT_SMTPREPLY, '552', '5.3.4', 'the message is larger than the filter takes'))
envelope(conn, nil, '<bob@example.test>')
header(conn, {{'Subject', ' small again'}})
mt.bodystring(conn, 'body\r\n')
mt.eom(conn)
check('the next one passes', mt.getreply(conn) == SMFIR_CONTINUE)
mt.disconnect(conn)
