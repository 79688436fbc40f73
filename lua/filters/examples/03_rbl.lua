-- 03_rbl.lua - one DNS list, asked while the client is still talking.
local zone = config.string("zone", "rbl.example.org", "DNS block list to ask")

rule { "RBL_EXAMPLE", on = "connect", score = 4.0, group = "rbl", about = "client address is listed",
  function(c)
    local answer = dns.a(c.ip:reversed() .. "." .. zone) -- waits here; other mail goes on
    if answer and answer[1]:within("127.0.0.2-127.0.0.11") then return answer[1] end
  end }
