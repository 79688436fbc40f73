-- queue_hooks.lua - the rules of test_queue_hooks.py: what is done stands in the subject or in the address of a recipient.
local detour = config.string("detour", "127.0.0.1:1", "where mail for three.test goes")

local function say(what, ...) log.info("heard " .. what, ...) end

hook { "queue.in", function(m, ev)
  local subject = m.subject or ""
  say("in %s %s %s %s %s", ev.origin, ev.recipients, ev.score, ev.action, table.concat(ev.remote, ","))
  if subject == "refused" then return reject("5.7.1", "not to there") end
  if subject == "later" then return tempfail("4.7.1", "not to there now") end
  if subject == "thrown away" then return discard() end
  if subject == "held" then return quarantine() end
  if m:has("BAD_WORD") then return quarantine() end
  if subject == "marked" then
    m:add_header("X-Outside", "yes")
    ev.reverse_path = "bounces@example.test"
  end
  if subject == "others" then
    m:add_recipient("archive@two.test")
    m:remove_recipient("not@one.test")
  end
  if subject == "answers elsewhere" then ev.reverse_path = "owner@two.test" end
  if subject == "answers nowhere" then ev.reverse_path = "nothing@two.test" end
  if subject == "renamed" then m:set_header("Subject", "another") end
  if subject == "bulk" or subject == "slow" or subject == "elsewhere" or subject == "nowhere" then ev.route = subject end
  if ev.origin == "report" and ev.remote[1] == "nothing@two.test" then return discard() end
  if ev.origin == "report" then m:add_header("X-Report", "seen") end
end }

rule { "BAD_WORD", score = 0.1, about = "for the test", function(m) return m.subject == "bad word" end }

hook { "queue.route", function(c, ev)
  say("route %s %s %s class=%s %s", ev.domain, ev.tls, ev.route, ev.class, table.concat(ev.hosts, ","))
  if ev.domain == "three.test" then ev.host = detour end
  if ev.domain == "four.test" then return reject("5.7.1", "no mail to four") end
  if ev.domain == "five.test" then ev.tls = "required" end
  if ev.class == "bulk" then ev.max_connections = 1 end
  if ev.class == "slow" then ev.message_gap_ms = 2000 end
  if ev.class == "elsewhere" then ev.source = "127.0.0.7" end
  if ev.class == "nowhere" then ev.source = ev.domain == "one.test" and "not an address" or "192.0.2.77" end
end }

hook { "queue.send", function(c, ev)
  say("send %s %s attempt=%s class=%s size=%s", ev.domain, ev.recipients, ev.attempt, ev.class, ev.size > 100)
  if c.envelope.rcpts[1].address:find("^wait") and ev.age_ms < 5000 then
    ev.delay_ms = 1000
    return tempfail("4.7.1", "not before five seconds")
  end
end }

hook { "queue.delivered", function(c, ev)
  say("delivered %s reply=%s tls=%s to=%s", ev.host, ev.reply, ev.tls, table.concat(ev.recipients, ","))
end }

hook { "queue.deferred", function(c, ev)
  say("deferred %s reply=%s attempt=%s to=%s", ev.next_try_ms, ev.reply, ev.attempt, table.concat(ev.recipients, ","))
  if ev.recipients[1]:find("^hopeless") then return reject() end
  if ev.recipients[1]:find("^hurried") then ev.next_try_ms = 1000 end
end }

hook { "queue.bounced", function(c, ev)
  say("bounced %s %s reply=%s to=%s", ev.status, ev.expired, ev.reply, table.concat(ev.recipients, ","))
  if ev.recipients[1]:find("^silent") then return discard() end
  if ev.recipients[1]:find("^told") then ev.text = "Ring them instead: +1 555 0100." end
end }
