-- A verdict at each stage becomes its reply.
for ip, want in pairs {['127.0.0.2'] = SMFIR_REPLYCODE, ['127.0.0.3'] = SMFIR_REPLYCODE, ['127.0.0.4'] = SMFIR_ACCEPT,
                       ['127.0.0.5'] = SMFIR_REPLYCODE, ['192.0.2.1'] = SMFIR_CONTINUE} do
    local conn = connect()
    check('connect from ' .. ip, client(conn, ip) == want)
    mt.disconnect(conn)
end

local conn = connect()
client(conn)
mt.helo(conn, 'reject.test')
check('HELO', mt.getreply(conn) == SMFIR_REPLYCODE)
mt.helo(conn, 'client.test')
check('HELO again', mt.getreply(conn) == SMFIR_CONTINUE)
for from, want in pairs {['<reject@a.test>'] = SMFIR_REPLYCODE, ['<tempfail@a.test>'] = SMFIR_REPLYCODE, ['<discard@a.test>'] = SMFIR_DISCARD} do
    mt.mailfrom(conn, from)
    check('MAIL ' .. from, mt.getreply(conn) == want)
end
mt.mailfrom(conn, '<me@a.test>', 'SIZE=100', 'BODY=8BITMIME')
check('MAIL', mt.getreply(conn) == SMFIR_CONTINUE)
for to, want in pairs {['<reject@b.test>'] = SMFIR_REPLYCODE, ['<tempfail@b.test>'] = SMFIR_REPLYCODE, ['<discard@b.test>'] = SMFIR_CONTINUE,
                       ['<good@b.test>'] = SMFIR_CONTINUE} do
    mt.rcptto(conn, to)
    check('RCPT ' .. to, mt.getreply(conn) == want)
end
mt.unknown(conn, 'XREJECT')
check('unknown command', mt.getreply(conn) == SMFIR_REPLYCODE)
mt.disconnect(conn)

conn = connect()
client(conn)
envelope(conn, '<data-reject@a.test>', '<good@b.test>')
mt.data(conn)
check('DATA', mt.getreply(conn) == SMFIR_REPLYCODE)
mt.disconnect(conn)

for word, want in pairs {reject = SMFIR_REPLYCODE, tempfail = SMFIR_REPLYCODE, discard = SMFIR_DISCARD} do
    local c, reply = message({{'X-Verdict', ' ' .. word}}, 'body\r\n')
    check('message: ' .. word, reply == want)
    mt.disconnect(c)
end
local c = message({{'X-Verdict', ' reject'}}, 'body\r\n')
check('the text, its percent sign doubled', mt.eom_check(c, MT_SMTPREPLY, '550', '5.7.9', 'obeyed: reject 100%%'))
mt.disconnect(c)
