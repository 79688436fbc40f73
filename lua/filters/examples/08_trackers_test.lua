-- 08_trackers_test.lua
local html = "Content-Type: text/html; charset=utf-8\n\n"
local pixel = '<img src="https://t.spy.example/p?u=1" width="1" height=1>'
local hidden = '<img style="display:none" src="https://www.count.example/x.gif">'

return {
  { "one pixel", text = html .. "<p>Hello</p>" .. pixel, adds = { "X-Facteur-Privacy: 1 tracker removed (spy.example 1)" },
    edits = { "part 1: " .. pixel .. " -> " } },
  { "five", text = html .. pixel:rep(3) .. hidden:rep(2), finds = { "TRACKERS_MANY=spy.example, count.example" },
    adds = { "X-Facteur-Privacy: 5 trackers removed (spy.example 3, count.example 2)" },
    edits = { "part 1: " .. pixel .. " -> ", "part 1: " .. hidden .. " -> " } },
  { "a user who does not want it", text = html .. pixel, settings = { privacy = "off" } },
  { "a picture to look at", text = html .. '<img src="https://pics.example/a.jpg" width=600 height=400>' },
  { "a spacer inside the message", text = html .. '<img src="cid:1" width=1 height=1>' },
  { "no HTML", text = "Subject: x\n\n" .. pixel },
}
