-- many_links.lua - a page full of links to other people's sites.
local most = config.number("most", 20, "foreign links that are normal")

rule { "MANY_FOREIGN_LINKS", score = 1.0, group = "content", about = "more links to other sites than usual",
  function(m)
    local own = m.from and url.org(m.from.domain)
    local n = 0
    for link in m.html:links() do
      if link.url.org ~= own then n = n + 1 end
    end
    return n > most and n
  end }
