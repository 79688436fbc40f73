-- judge_tls.lua - refuses every TLS connection of mail clients; for tests only.

hook { "tls", roles = { "imap", "pop3" },
  function(c, ev)
    return reject("no " .. ev.version .. " with " .. ev.server_name)
  end }
