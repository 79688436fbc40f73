-- 06_submission_limit_test.lua
local account = { user = "a@example.org", mechanism = "PLAIN" }

return {
  { "within the limit", role = "submission", auth = account },
  { "above it", role = "submission", auth = account, limits = { ["user:a@example.org"] = 30 },
    verdict = "tempfail", reply = "4.7.1 Too many recipients, try again in 30 s" },
  { "mail from outside", role = "mx", limits = { ["user:192.0.2.1"] = 30 } },
  { "no account, an address", role = "submission", limits = { ["user:192.0.2.1"] = 1 }, verdict = "tempfail" },
}
