-- 10_bulk_at_night.lua - newsletters of our users leave at night, and slowly; letters go at once.
local from_hour = config.number("from_hour", 1, "UTC, when newsletters may leave")
local to_hour = config.number("to_hour", 5, "UTC, when they wait again")
local gap = config.number("gap", 0.2, "seconds between two of them to one destination")

hook { "queue.in",
  function(m, ev)
    if ev.origin == "submission" and m.list_id then ev.route = "bulk" end
  end }

hook { "queue.route",
  function(c, ev)
    if ev.class == "bulk" then ev.message_gap_ms = math.floor(gap * 1000) end
  end }

hook { "queue.send",
  function(c, ev)
    local now = math.floor(time.now())
    local hour = now // 3600 % 24
    if ev.class ~= "bulk" or (hour >= from_hour and hour < to_hour) then return end
    ev.delay_ms = math.floor((from_hour - hour) % 24 * 3600 - now % 3600) * 1000
    return tempfail("4.7.1", "newsletters leave at night")
  end }
