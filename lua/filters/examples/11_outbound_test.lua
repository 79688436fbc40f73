-- 11_outbound_test.lua
local function sent(score, recipients, origin)
  return { origin = origin or "submission", score = score, recipients = recipients, action = "keep" }
end

return {
  { "a letter", at = "queue.in", event = sent("0.50", 1) },
  { "looks like spam", at = "queue.in", event = sent("6.00", 1), verdict = "quarantine" },
  { "to many", at = "queue.in", event = sent("-1.00", 50), verdict = "quarantine" },
  { "forwarded", at = "queue.in", event = sent("9.00", 1, "forward") },
}
