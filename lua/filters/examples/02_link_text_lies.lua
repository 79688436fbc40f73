-- 02_link_text_lies.lua - the link shows one site and goes to another.
rule { "LINK_TEXT_LIES", score = 3.0, group = "phishing", max_hits = 3,
  about = "visible link text names another organisation than the target",
  function(m)
    for link in m.html:links() do
      local shown = url.parse(link.text)
      if shown and shown.org ~= link.url.org then m:hit(shown.org .. " -> " .. link.url.org) end
    end
  end }
