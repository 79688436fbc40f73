-- many_links_test.lua
local head = "From: news@shop.example\nContent-Type: text/html\n\n"
local function links(n, host) return ('<a href="https://' .. host .. '/">x</a>'):rep(n) end

return {
  { "links to itself", text = head .. links(30, "www.shop.example") },
  { "links to others", text = head .. links(21, "ads.example"), finds = { "MANY_FOREIGN_LINKS=21" } },
  { "a stricter site", config = { most = 3 }, text = head .. links(4, "ads.example"),
    finds = { "MANY_FOREIGN_LINKS=4" } },
}
