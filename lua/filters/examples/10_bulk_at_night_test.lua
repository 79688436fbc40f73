-- 10_bulk_at_night_test.lua
local letter = "From: news@shop.example\nList-Id: Offers <offers.shop.example>\n\n"
local night, noon = 1732154400, 1732190400 -- 2:00 and 12:00 UTC

return {
  { "a newsletter", text = letter, at = "queue.in", event = { origin = "submission" }, changes = { "route=bulk" } },
  { "one that is forwarded", text = letter, at = "queue.in", event = { origin = "forward" } },
  { "a letter", text = "From: a@b.example\n\n", at = "queue.in", event = { origin = "submission" } },
  { "slowly", at = "queue.route", event = { class = "bulk" }, changes = { "message_gap_ms=200" } },
  { "at night", at = "queue.send", event = { class = "bulk" }, now = night },
  { "at noon", at = "queue.send", event = { class = "bulk" }, now = noon, verdict = "tempfail", changes = { "delay_ms=46800000" } },
  { "letters at noon", at = "queue.send", event = { class = "" }, now = noon },
}
