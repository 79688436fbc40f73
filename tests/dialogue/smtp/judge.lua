-- judge.lua - what the dialogues of this folder ask of plugins; for tests only. Each rule goes by a name or an address, so that one file
-- serves them all.

hook { "connect",
  function(c, ev)
    ev.banner = "ESMTP judged"
    ev.delay_ms = 20
  end }

hook { "helo",
  function(c, ev)
    if ev.name == "plain.example" then ev.hide = { "CHUNKING", "SIZE", "PRDR" } end
    if ev.name == "refused.example" then return reject("5.7.1", "not you") end
    if ev.name == "later.example" then return tempfail("4.7.1", "not now") end
    if ev.name == "gone.example" then return disconnect("go away") end
  end }

hook { "tls",
  function(c, ev)
    if c.role == "mx" and ev.server_name == "mx.example.test" then return reject("5.7.1", "not with " .. ev.version .. " to " .. ev.server_name) end
  end }

hook { "auth",
  function(c, ev)
    if c.helo == "bobs.example" then ev.user = "bob@example.test" end
    if c.helo == "nobodys.example" then ev.user = "nobody@example.test" end
    if c.helo == "locked.example" then return tempfail(454, "4.7.0", ev.protocol .. " " .. ev.mechanism .. " is locked") end
  end }

hook { "mail",
  function(c, ev)
    if ev.reverse_path == "spam@example.org" then return reject("5.7.1", "spam") end
    if ev.reverse_path == "grey@example.org" then return tempfail("4.7.1", "come back") end
    if ev.reverse_path == "hole@example.org" then return discard() end
    if ev.reverse_path == "bye@example.org" then return disconnect(550, "5.7.1", "bye") end
    if ev.reverse_path == "old@example.org" then ev.reverse_path = "new@example.org" end
  end }

hook { "rcpt",
  function(c, ev)
    if ev.refused ~= "" and ev.recipient == "alcie@example.test" then ev.recipient = "alice@example.test" end
    if c.envelope.from and c.envelope.from.address == "picky@example.org" then
      if ev.recipient == "bob@example.test" then return reject(551, "5.7.1", "bob moved") end
      if ev.recipient == "tester@example.test" then return tempfail("4.2.0", "later") end
    end
    if ev.recipient == "bob+hole@example.test" then return discard() end
    if ev.recipient == "bob+strict@example.test" then ev.profile = "strict" end
    if ev.recipient == "bob+alice@example.test" then ev.recipient = "alice@example.test" end
  end }

hook { "resolve",
  function(c, ev)
    if ev.recipient == "team@example.test" then ev.target = { "alice@example.test", "bob@example.test", "nobody@example.test" } end
    if ev.recipient == "round@example.test" then ev.target = "about@example.test" end
    if ev.recipient == "about@example.test" then ev.target = "round@example.test" end
    if ev.recipient == "closed@example.test" then return reject("5.7.1", "members only") end
  end }

hook { "data",
  function(c, ev)
    if c.envelope.from and c.envelope.from.address == "nodata@example.org" then return tempfail("4.3.0", "no data now") end
  end }

hook { "chunk",
  function(c, ev)
    if ev.bytes:find("EICAR", 1, true) then return reject("5.7.9", "virus in byte " .. ev.offset + ev.bytes:find("EICAR", 1, true) - 1 .. " or so") end
  end }

hook { "unknown",
  function(c, ev)
    if ev.line:find("^GET ") then return disconnect("no web here") end
    if ev.line:find("^XHELLO") then return reject(502, "5.5.1", "hello yourself") end
  end }

hook { "edit",
  function(m, ev)
    if m.subject == "copy bob" then ev.add_recipient = "bob@example.test" end
    if m.subject == "not to bob" then ev.remove_recipient = "bob@example.test" end
    if m.subject == "copy nobody" then ev.add_recipient = "nobody@example.test" end
    if m.subject == "from me" then ev.reverse_path = "me@example.org" end
  end }

-- "bob 550" in the subject: this account is answered so.
hook { "deliver",
  function(m, ev)
    local who = ev.account:match("^[^@]*")
    local code = tonumber((m.subject or ""):match(who .. " (%d+)"))
    if code == 250 or not code then return end
    if code == 0 then return discard() end
    return code < 500 and tempfail(code, "4.2.0", who .. " waits") or reject(code, "5.2.2", who .. " refuses")
  end }

rule { "JUDGED", score = 2.0, group = "judge", about = "the subject asks for a score",
  function(m) return m.subject == "scored" end }
