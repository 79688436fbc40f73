-- subject_rules.lua - the example: three rules about the subject, and one hook that shows what they found.
--
-- A rule only finds its symbol; the score below is what the symbol adds, and conf.d may give it another. Copy this file, change
-- it, and try it: facteurctl scan message.eml. Its test is beside it: subject_rules_test.lua.

-- Writing in capitals is shouting. Short subjects such as "RE: FYI" are not meant.
rule { "SUBJECT_ALL_CAPS", score = 1.5, group = "subject",
  about = "the subject is written in capital letters",
  function(m)
    local letters = (m.subject or ""):gsub("%A", "")
    return #letters >= 10 and not letters:find("%l")
  end }

-- A person writes a subject; a program that forgets it often has something to sell.
rule { "SUBJECT_MISSING", score = 1.0, group = "subject",
  about = "the message has no subject, or an empty one",
  function(m)
    return not m.subject or not m.subject:find("%S")
  end }

-- "Re:" claims an answer, and an answer names what it answers (RFC 5322 3.6.4).
rule { "SUBJECT_FAKE_REPLY", score = 0.2, group = "subject",
  about = "the subject begins with Re: but nothing is answered",
  function(m)
    local prefix = (m.subject or ""):match("^%s*([Rr][Ee]):")
    return prefix and not m:header("In-Reply-To") and not m:header("References") and prefix
  end }

-- Readers can see what was found. Edits come after the verdict, on the view that users read: the original stays as it is.
hook { "edit",
  function(m)
    local found = {}
    for _, symbol in ipairs { "SUBJECT_ALL_CAPS", "SUBJECT_MISSING", "SUBJECT_FAKE_REPLY" } do
      if m:has(symbol) then found[#found + 1] = symbol end
    end
    if #found > 0 then m:add_header("X-Facteur-Rules", table.concat(found, ", ")) end
  end }
