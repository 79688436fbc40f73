-- 08_trackers.lua - count spies, name them, and let each user choose what is done about them.
--
-- Found by shape alone: pictures that nobody can see. See html:trackers() in docs/lua-api.md.
rule { "TRACKERS_MANY", score = 0.5, group = "privacy", about = "five trackers or more",
  function(m)
    local t = m.html:trackers()
    if #t >= 5 then return t:companies(", ") end
  end }

hook { "deliver",
  function(m, user)
    local done = m:clean(user.settings.privacy or "standard") -- edits this user's view, never the original
    if done.count > 0 then m:add_header("X-Facteur-Privacy", done:summary()) end
  end }
