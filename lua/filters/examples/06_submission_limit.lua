-- 06_submission_limit.lua - a stolen password must not send ten thousand messages.
local limit = config.rate("limit", "200/1h burst 50", "recipients per account")

hook { "rcpt", roles = { "submission" },
  function(c)
    local ok, wait = limit:take("user:" .. (c.auth and c.auth.user or c.ip))
    if not ok then return tempfail("4.7.1", "Too many recipients, try again in " .. wait .. " s") end
  end }
