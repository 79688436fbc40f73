-- newcomer.lua - a host that nobody here knows comes back in five minutes, as real mail servers do.
local wait = config.duration("wait", "5m", "how long a newcomer waits")
local keep = config.string("keep", "35d", "how long it is known afterwards")

hook { "rcpt", roles = { "mx" },
  function(c)
    if lists.friends:has(c.ip) then return end
    local first = tonumber(kv.get("first:" .. c.ip))
    if not first then
      kv.set("first:" .. c.ip, time.now(), keep)
      return tempfail("4.7.1", "Please come back in a few minutes")
    end
    if time.now() - first < wait then return tempfail("4.7.1", "Please come back a little later") end
  end }
