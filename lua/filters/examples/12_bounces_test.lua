-- 12_bounces_test.lua
return {
  { "greylisted", at = "queue.deferred", event = { reply = "450 4.7.1 Greylisted, come back", attempt = 1 }, changes = { "next_try_ms=120000" } },
  { "greylisted for long", at = "queue.deferred", event = { reply = "450 4.7.1 Greylisted, come back", attempt = 2 } },
  { "later", at = "queue.deferred", event = { reply = "451 4.3.0 later", attempt = 1 } },
  { "hopeless", at = "queue.deferred", event = { reply = "451 4.3.0 later", attempt = 61 }, verdict = "reject" },
  { "told", at = "queue.bounced", event = { reply = "550 5.1.1 nobody" },
    changes = { "text=Your message could not be delivered. If you need help, write to the helpdesk." } },
}
