-- message.lua - what a message, its HTML and its connection show, and the edits.
local function show(...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = tostring((select(i, ...))) end
  return table.concat(out, " ")
end

local what = config.string("what", "", "what is tried")
local tries = {
  conn = function(m)
    local c = m.conn
    return show(c.ip, c.port, c.rdns, c.frontend, c.role, c.tls.version, c.tls.cipher, c.tls.server_name, c.auth.user, c.auth.mechanism)
  end,
  envelope = function(m) local e = m.envelope return show(e.from, #e.rcpts, e.body, e.size, e.smtputf8) end,
  date = function(m) return show(m.date, m.date.epoch, m.date.text) end,
  html = function(m) return show(m.text, m.html.text, #m.html:images(), #m.html:styles(), m:parts()[1].html.text == m.html.text) end,
  forms = function(m)
    local f = m.html:forms()[1]
    return show(#m.html:forms(), f.action, f.method, #f.inputs, f.inputs[1].name, f.inputs[1].type)
  end,
  shown = function(m) return show(m.shown, "/", m.hidden) end,
  images = function(m)
    local a, b = table.unpack(m.html:images())
    return show(a.url.host, a.width, a.height, a.alt, a.hidden, b.url, b.hidden)
  end,
  links = function(m)
    local out = {}
    for link in m.html:links() do out[#out + 1] = show(link.tag, link.text, link.url) end
    return table.concat(out, ",")
  end,
  trackers = function(m) local t = m.html:trackers() return show(#t, t[1].why, t[1].org, t[1].url.path, t:companies()) end,
  parts = function(m)
    local file = m:attachment { type = "text/html", min_size = 3 }
    return show(#m:parts(), #m:parts()[1].children, file.extension, file.html.text, m:attachment { ext = "exe" }, m:attachment { min_size = "1M" })
  end,
  symbols = function(m) return show(#m:symbols(), m:symbols()[1].name, m:score(), m:score("KNOWN"), m:score("NONE"), m:has("KNOWN")) end,
  scan_edit = function(m) m:parts()[1]:patch(1, 1, "x") end,
}

rule { "TRY_MESSAGE", score = 1.0, about = "what the test asks for", function(m) return tries[what] and tries[what](m) end }
rule { "TWICE", score = 0.5, max_hits = 2, about = "hits are counted",
  function(m) if what == "hits" then m:hit("a") m:hit("b") m:hit("c") end end }
rule { "AT_RCPT", on = "rcpt", about = "a symbol of the dialogue", function(c) if what == "rcpt" then c:hit(c.helo) end end }
timer { every = "60s", once = true, function(ev) log.info("tick %d", ev.now) end }
timer("10s", function() end)
composite { "BOTH", score = 1, when = "TWICE & !AT_RCPT & !NONE?", remove = true, about = "twice, and nothing at rcpt" }

local edits = {
  header = function(m)
    m:add_header("X-Top", "1")
    m:add_header("X-Trace", "2", "after_trace")
    m:insert_header("X-Beside", "3", "after", "Subject")
    m:set_header("Subject", "new")
    m:remove_header("X-Old")
  end,
  body = function(m) m:replace_body("a\nb\n") end,
  part = function(m) m:parts()[1]:patch(1, 5, "HELLO") log.info("%d", m:parts()[1]:replace_text("l", "L")) end,
  envelope_edit = function(m) m.sender = "b@example.org" m:add_recipient("c@example.org") m:remove_recipient("user@example.net") end,
  known = function(m) log.info("%d %s", m:clean("known").count, m:clean():summary()) end,
}
hook { "edit", function(m) if edits[what] then edits[what](m) end end }
hook { "verdict", function(m) if what == "force" then m:force("quarantine", 5, "seen before") end end }
hook { "helo", function(_, ev) if what == "hide" then ev.hide = { "CHUNKING", "SIZE" } ev.hide = "DSN" end end }
hook { "connect", function(_, ev) if what == "hide" then ev.banner = "hello" ev.delay_ms = 500 end end }
hook { "chunk", function() return skip() end }
hook { "store.append", function(m, ev) ev.mailbox = ev.mailbox .. "/x" log.info("%s %s", m.subject, ev.flags[1]) end }
hook { "deliver", function(_, user) if what == "user" then log.info("%s %s", user.address, user.settings.colour) end end }
