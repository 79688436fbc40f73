-- 09_smart_host.lua - mail for some domains leaves by a smart host, and never without TLS.
local domains = config.string("domains", "partner.example", "domains of recipients, separated by spaces")
local host = config.string("host", "smtp.partner.example:25", "where their mail goes")

hook { "queue.route",
  function(c, ev)
    for domain in domains:gmatch("%S+") do
      if ev.domain == domain then
        ev.host = host
        ev.tls = "required"
      end
    end
  end }
