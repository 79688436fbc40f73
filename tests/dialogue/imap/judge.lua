-- judge.lua - what the IMAP and POP3 dialogues ask of plugins; for tests only. Each rule goes by a name or a subject, so that one file
-- serves them all.

hook { "connect", roles = { "imap", "pop3" },
  function(c, ev)
    ev.banner = "judged"
  end }

hook { "auth", roles = { "imap", "pop3" },
  function(c, ev)
    if ev.user == "bob@example.test" then return reject("bob is on holiday") end
  end }

hook { "login",
  function(c, ev)
    if ev.client == "Loud 1.0" then ev.alert = "Welcome, " .. ev.account end
    if ev.client == "Old 0.1" then return tempfail("please update") end
  end }

hook { "store.append",
  function(m, ev)
    if m.subject == "infected" then return reject("infected") end
    if m.subject == "to sent" then ev.mailbox = "Sent" end
    if m.subject == "mark me" then ev.flag = { "\\Flagged", "$Judged" } end
  end }

hook { "store.flags",
  function(c, ev)
    for _, flag in ipairs(ev.flags) do
      if flag == "$Never" then return reject("never") end
      if flag == "$Instead" then ev.flags = { "$Other" } end
    end
  end }

hook { "store.copy",
  function(c, ev)
    if ev.target == "d-locked" then return reject("nothing goes into " .. ev.target) end
  end }

hook { "store.expunge",
  function(c, ev)
    if ev.mailbox == "d-locked" or ev.uids == "99999" then return reject("nothing leaves " .. ev.mailbox) end
  end }

hook { "retrieve",
  function(c, ev)
    if ev.mailbox == "d-secret" then return reject("not to be read: " .. ev.section .. " of " .. ev.uids) end
  end }

hook { "store.commit",
  function(c, ev)
    log.info("commit " .. ev.change .. " " .. ev.mailbox .. " " .. ev.uids)
  end }

hook { "learn",
  function(m, ev)
    log.info("learn " .. (ev.spam and "spam" or "ham") .. " " .. ev.why .. " " .. ev.mailbox .. ": " .. (m.subject or "nothing"))
  end }
