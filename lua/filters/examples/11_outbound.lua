-- 11_outbound.lua - what our users send is judged too: mail that looks like spam waits in the queue (facteurctl queue list) instead of leaving.
local hold_at = config.number("hold_at", 6, "score from which mail for elsewhere is held")
local many = config.number("many", 50, "so many recipients elsewhere in one message are held as well")

hook { "queue.in",
  function(m, ev)
    if ev.origin ~= "submission" then return end
    if tonumber(ev.score) >= hold_at or ev.recipients >= many then
      return quarantine("held: score " .. ev.score .. ", " .. ev.recipients .. " recipients")
    end
  end }
