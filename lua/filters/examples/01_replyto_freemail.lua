-- 01_replyto_freemail.lua - a company writes to you, but answers would go to a free mailbox.
rule { "REPLYTO_FREEMAIL", score = 1.8, group = "headers",
  about = "Reply-To is a free mail provider, From is not",
  function(m)
    local from, reply = m.from, m.reply_to
    if from and reply and lists.freemail:has(reply.domain) and not lists.freemail:has(from.domain) then
      return reply.address
    end
  end }
