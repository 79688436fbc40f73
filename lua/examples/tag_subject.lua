-- tag_subject.lua - users see in the subject what is junk; the stored message stays as it came.
hook { "deliver",
  function(m, user)
    if user.action == "junk" and user.settings.tag_subject == "yes" then
      m:set_header("Subject", "[junk] " .. (m.subject or ""))
      m:keyword("$Junk")
    end
  end }
