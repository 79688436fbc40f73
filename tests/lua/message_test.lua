-- message_test.lua
local function case(what, want, more)
  local c = more or {}
  c[1] = what
  c.config = { what = what }
  if want then c.finds = { "TRY_MESSAGE=" .. want } end
  return c
end

local page = "Subject: page\nContent-Type: text/html; charset=utf-8\n\n"
local mixed = [[
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

hello
--b
Content-Type: text/html; name=a.HTM
Content-Disposition: attachment; filename=a.HTM

<p>in a file</p>
--b--
]]
local edit = "Subject: old\nX-Old: 1\n\nhello all\n"

return {
  case("conn", "198.51.100.7 40000 host.example smtp submission TLSv1.3 AES mx.example a@example.org PLAIN",
    { ip = "198.51.100.7", rdns = "host.example", role = "submission", auth = { user = "a@example.org", mechanism = "PLAIN" },
      tls = { version = "TLSv1.3", cipher = "AES", server_name = "mx.example" } }),
  case("envelope", "x@example.org 2 nil 0 false", { from = "x@example.org", rcpts = { "a@b.example", "c@d.example" } }),
  case("date", "Sat, 31 Jan 2026 12:00:00 +0000 1769860800 Sat, 31 Jan 2026 12:00:00 +0000",
    { text = "Date: Sat, 31 Jan 2026 12:00:00 +0000\n\n" }),
  case("html", "Hello world again Hello world again 0 2 true",
    { text = page .. "<style>p {}</style><p>Hello\n world <b style='x'>again</b></p><script>no()</script>" }),
  case("forms", "1 https://x.example/ post 2 pass password",
    { text = page .. "<form action='https://x.example/' method=POST><input name=pass type=password><select name=s></select></form><input name=out>" }),
  case("images", "x.example 600 nil Logo false nil true",
    { text = page .. "<img src='https://x.example/a.png' width=600 alt=Logo><img src='cid:1' style='visibility: hidden'>" }),
  case("shown", "Hello you / kept back", { text = page .. "<p>Hello <b>you</b><span style='display:none'>kept back</span>" }),
  case("links", "a Read me https://a.example/,area  https://b.example/",
    { text = page .. "<a href='https://a.example/'>Read <i>me</i></a><map><area href='https://b.example/'></map>" }),
  case("trackers", "2 pixel spy.example /1 spy.example, see.example",
    { text = page .. "<img src=http://a.spy.example/1 width=1 height=1><img src=https://see.example style='opacity:0'>" }),
  case("parts", "3 2 htm in a file nil nil", { text = mixed }),
  case("symbols", "1 KNOWN 2.5 2.5 0.0 true 2.5", { has = { KNOWN = 2.5 } }),
  case("scan_edit", nil, { text = edit, log = { "scan only looks" } }),
  case("hits", nil, { finds = { "TWICE=a, b", "BOTH" } }),
  case("rcpt", nil, { helo = "me.example", finds = { "AT_RCPT=me.example" } }),
  case("header", nil, { text = edit, adds = { "X-Top: 1", "X-Trace: 2", "X-Beside: 3" }, edits = { "set Subject: new", "remove X-Old" } }),
  case("body", nil, { text = edit, edits = { "body a\r\nb\r\n" } }),
  case("part", nil, { text = edit, edits = { "part 1: hello -> HELLO", "part 1: l -> L" }, log = { "info: 4" } }),
  case("envelope_edit", nil, { changes = { "reverse_path=b@example.org", "add_recipient=c@example.org",
    "remove_recipient=user@example.net" } }),
  case("known", nil, { text = page .. "<img src=http://a.example/1 width=1 height=1>", edits = { "part 1: <img src=http://a.example/1 width=1 height=1> -> " },
    log = { "0 1 tracker removed (a.example 1)" } }),
  case("force", nil, { forces = "quarantine" }),
  case("hide", nil, { changes = { "hide=CHUNKING", "hide=SIZE", "hide=DSN", "banner=hello", "delay_ms=500" } }),
  case("user", nil, { rcpts = { "a+b@example.net" }, settings = { colour = "blue" }, log = { "a@example.net blue" } }),
  { "skip", at = "chunk", event = { bytes = "x" }, config = { what = "" }, verdict = "" },
  { "store.append", at = "store.append", text = "Subject: draft\n\n", event = { mailbox = "Drafts", flags = { "\\Draft" } },
    changes = { "mailbox=Drafts/x" }, log = { "draft \\Draft" } },
  { "a tick", at = "tick", event = { now = 60 }, log = { "tick 60" } },
}
