-- 09_smart_host_test.lua
return {
  { "the partner", at = "queue.route", event = { domain = "partner.example" },
    changes = { "host=smtp.partner.example:25", "tls=required" } },
  { "somebody else", at = "queue.route", event = { domain = "example.org" } },
}
