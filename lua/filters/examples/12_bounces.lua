-- 12_bounces.lua - greylisted mail comes back soon, hopeless mail is not tried for days, and the report says what to do.
local help = config.string("help", "Your message could not be delivered. If you need help, write to the helpdesk.", "first paragraph of reports")

hook { "queue.deferred",
  function(c, ev)
    if ev.reply:find("[Gg]re[ey]list") and ev.attempt == 1 then ev.next_try_ms = 120000 end
    if ev.reply:find("5%.1%.10") or ev.attempt > 60 then return reject() end
  end }

hook { "queue.bounced",
  function(c, ev) ev.text = help end }
