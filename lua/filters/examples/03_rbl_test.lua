-- 03_rbl_test.lua
return {
  { "listed", ip = "192.0.2.7", dns = { ["a 7.2.0.192.rbl.example.org"] = { "127.0.0.4" } },
    finds = { "RBL_EXAMPLE=127.0.0.4" } },
  { "not listed", ip = "192.0.2.7" },
  { "an answer that means: you ask too much", ip = "192.0.2.7",
    dns = { ["a 7.2.0.192.rbl.example.org"] = { "127.255.255.254" } } },
  { "the list is away", ip = "192.0.2.7", dns = { ["a 7.2.0.192.rbl.example.org"] = "failed" } },
  { "another list", ip = "192.0.2.7", config = { zone = "bl.example.net" },
    dns = { ["a 7.2.0.192.bl.example.net"] = { "127.0.0.2" } }, finds = { "RBL_EXAMPLE" } },
  { "IPv6", ip = "2001:db8::1", finds = { "RBL_EXAMPLE" }, dns = {
    ["a 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.rbl.example.org"] = { "127.0.0.2" } } },
}
