-- 04_first_contact_html_file.lua - nobody here ever heard from this sender, and the first thing sent is an HTML file.
rule { "FIRST_CONTACT_HTML", score = 3.5, group = "phishing", after = { "auth?" },
  about = "first message of a sender carries an HTML attachment",
  function(m)
    local file = m:attachment { ext = { "html", "htm", "shtml", "svg" } }
    if file and m.from and not kv.seen("sender:" .. m.from.address, "90d") then return file.name end
  end }
