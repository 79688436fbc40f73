-- {daemon_name} says whose mail it is: the plugin `headers` completes the header of submitted mail, and of no other.
for daemon, ours in pairs {ORIGINATING = true, submission = true, ['mta.test'] = false} do
    local conn = connect()
    mt.macro(conn, SMFIC_CONNECT, '{daemon_name}', daemon, 'j', 'mta.test')
    client(conn)
    mt.helo(conn, 'client.test')
    mt.macro(conn, SMFIC_MAIL, 'i', 'QUEUEID' .. #daemon, '{auth_authen}', 'person@example.test', '{auth_type}', 'PLAIN')
    mt.mailfrom(conn, '<person@example.test>')
    mt.rcptto(conn, '<bob@example.test>')
    header(conn, {{'Subject', ' no date'}})
    mt.bodystring(conn, 'body\r\n')
    mt.eom(conn)
    check('reply', mt.getreply(conn) == SMFIR_CONTINUE)
    local completed = mt.eom_check(conn, MT_HDRADD, 'Date') or mt.eom_check(conn, MT_HDRINSERT, 'Date')
    check(daemon, completed == ours)
    mt.disconnect(conn)
end
