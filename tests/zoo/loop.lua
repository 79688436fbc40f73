-- loop.lua - a rule that never ends when the subject asks for it; for tests only.
rule { "LOOP_FOREVER", score = 1.0, group = "zoo", about = "never ends",
  function(m)
    if m.subject == "please loop" then
      while true do end
    end
  end }
