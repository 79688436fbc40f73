-- Each kind of edit on the wire.
local conn, reply = message({{'Subject', ' old'}, {'X-A', ' 1'}, {'X-A', ' 2'}, {'X-A', ' 3'}, {'X-Do', ' top X-Top t'}, {'X-Do', ' end X-End e'},
                             {'X-Do', ' set X-A 1 two'}, {'X-Do', ' remove X-A 2'}, {'X-Do', ' before X-A 0 X-New n'},
                             {'X-Do', ' body new'}, {'X-Do', ' sender changed@outside.example'},
                             {'X-Do', ' addrcpt extra@example.test'}, {'X-Do', ' delrcpt bob@example.test'}}, 'old body\r\n')
check('reply', reply == SMFIR_CONTINUE)
check('above everything', mt.eom_check(conn, MT_HDRINSERT, 'X-Top', ' t', 0))
check('before the second field, which is the third of the MTA', mt.eom_check(conn, MT_HDRINSERT, 'X-New', ' n', 2))
check('below all', mt.eom_check(conn, MT_HDRADD, 'X-End', ' e'))
check('changed', mt.eom_check(conn, MT_HDRCHANGE, 'X-A', ' two'))
check('removed', mt.eom_check(conn, MT_HDRDELETE, 'X-A'))
check('body', mt.eom_check(conn, MT_BODYCHANGE, 'new\r\nsecond line\r\n'))
check('recipient added', mt.eom_check(conn, MT_RCPTADD, '<extra@example.test>'))
check('recipient removed', mt.eom_check(conn, MT_RCPTDELETE, '<bob@example.test>'))
mt.disconnect(conn)

-- What is not edited is not touched.
conn, reply = message({{'Subject', ' plain'}}, 'body\r\n')
check('reply', reply == SMFIR_CONTINUE)
for name, op in pairs {add = MT_HDRADD, insert = MT_HDRINSERT, change = MT_HDRCHANGE, delete = MT_HDRDELETE, body = MT_BODYCHANGE} do
    check('no ' .. name, not mt.eom_check(conn, op))
end
mt.disconnect(conn)

-- Forged fields of ours are removed by the plugin `headers`.
conn = message({{'X-Facteur-Verdict', ' keep'}, {'Subject', ' forged'}}, 'body\r\n')
check('forged', mt.eom_check(conn, MT_HDRDELETE, 'X-Facteur-Verdict'))
mt.disconnect(conn)

conn = message({{'X-Verdict', ' quarantine'}}, 'body\r\n')
check('held, with the reason', mt.eom_check(conn, MT_QUARANTINE, 'obedient: obeyed: hold'))
mt.disconnect(conn)
