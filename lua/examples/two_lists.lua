-- two_lists.lua - two DNS lists at once: the slower one decides how long it takes, not their sum.
rule { "RBL_BOTH", on = "connect", score = 6.0, group = "rbl", about = "two lists name this address",
  function(c)
    local name = c.ip:reversed()
    local a, b = wait_all(
      function() return dns.a(name .. ".one.example.org") end,
      function() return dns.a(name .. ".two.example.org") end)
    return a and b and a[1] .. " " .. b[1]
  end }
