-- 07_newsletters.lua - newsletters go to their own folder, for the users who asked for it.
hook { "deliver",
  function(m, user)
    if m.list_id and user.settings.newsletter_folder and not m:has("KNOWN_SENDER") then
      m.mailbox = user.settings.newsletter_folder
      m:keyword("$Newsletter")
    end
  end }
