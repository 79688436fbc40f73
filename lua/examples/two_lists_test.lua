-- two_lists_test.lua
local one, two = "a 7.2.0.192.one.example.org", "a 7.2.0.192.two.example.org"

return {
  { "on both", ip = "192.0.2.7", dns = { [one] = { "127.0.0.2" }, [two] = { "127.0.0.9" } },
    finds = { "RBL_BOTH=127.0.0.2 127.0.0.9" } },
  { "on one", ip = "192.0.2.7", dns = { [one] = { "127.0.0.2" } } },
  { "one is away", ip = "192.0.2.7", dns = { [one] = { "127.0.0.2" }, [two] = "failed" } },
}
