-- prelude.lua: what the scripts share; test_milter_scripts.py loads it before each of them.
-- `socket` is where the milter role listens, with tests/zoo/obedient behind it.

function check(what, ok)
    if not ok then
        mt.echo('not as wanted: ' .. what)
        error(what)
    end
end

-- Version 6 of the protocol with all that Postfix 3.7 and Sendmail 8.17 offer, unless said otherwise.
function connect(version, actions, steps)
    local conn = mt.connect(socket, 300, 0.2)
    check('connect', conn ~= nil)
    check('negotiate', mt.negotiate(conn, version, steps, actions) == nil)  -- in this order, whatever its manual says
    return conn
end

function client(conn, ip)
    check('connect information', mt.conninfo(conn, 'client.test', ip or '127.0.0.1') == nil)
    return mt.getreply(conn)
end

function envelope(conn, from, ...)
    check('HELO', mt.helo(conn, 'client.test') == nil)
    check('MAIL', mt.mailfrom(conn, from or '<me@outside.example>') == nil)
    for _, to in ipairs {...} do check('RCPT', mt.rcptto(conn, to) == nil) end
end

function header(conn, fields)
    for _, f in ipairs(fields) do check('header ' .. f[1], mt.header(conn, f[1], f[2]) == nil) end
end

-- A whole message on a fresh connection; returns it, with the answer to its end.
function message(fields, body, version, actions, steps)
    local conn = connect(version, actions, steps)
    client(conn)
    envelope(conn, nil, '<bob@example.test>', '<alice@example.test>')
    header(conn, fields)
    if body then check('body', mt.bodystring(conn, body) == nil) end
    check('end', mt.eom(conn) == nil)
    return conn, mt.getreply(conn)
end
