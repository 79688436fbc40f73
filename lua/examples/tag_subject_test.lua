-- tag_subject_test.lua
local mail = "Subject: buy now\n\n"
local wish = { tag_subject = "yes" }

return {
  { "junk", text = mail, at = "deliver", event = { action = "junk" }, settings = wish,
    edits = { "set Subject: [junk] buy now" }, keywords = { "$Junk" } },
  { "not asked for", text = mail, at = "deliver", event = { action = "junk" } },
  { "no junk", text = mail, settings = wish },
}
