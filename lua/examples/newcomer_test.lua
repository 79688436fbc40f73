-- newcomer_test.lua
return {
  { "never seen", ip = "192.0.2.7", now = 1000, verdict = "tempfail",
    reply = "4.7.1 Please come back in a few minutes" },
  { "too early", ip = "192.0.2.7", now = 1060, kv = { ["first:192.0.2.7"] = "1000" }, verdict = "tempfail" },
  { "back in time", ip = "192.0.2.7", now = 1400, kv = { ["first:192.0.2.7"] = "1000" } },
  { "a friend", ip = "198.51.100.20" },
  { "our own users", ip = "192.0.2.7", role = "submission" },
}
