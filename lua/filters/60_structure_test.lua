-- 60_structure_test.lua - messages made in each way, and their usual neighbours.
local to = "From: Ann <ann@shop.example>\nTo: Bob <bob.miller@home.example>\n"
local page = to .. "Subject: x\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nsome words\n--b\nContent-Type: text/html; charset=utf-8\n\n"
local function plain(text, more) return to .. (more or "") .. "Subject: x\nContent-Type: text/plain; charset=utf-8\n\n" .. text .. "\n" end
local function html(text) return page .. "<p>" .. text .. "</p>\n--b--\n" end
local function head(fields) return fields .. "Subject: x\n\nsome words\n" end
local picture = '<a href="https://a.example/"><img src="https://a.example/p.jpg" width=600 height=400></a>'
local words = ("words and words "):rep(10)

return {
  { "plain text", text = plain "some words" },
  { "a page beside it", text = html "some words" },
  { "only a page", text = to .. "Content-Type: text/html\n\n<p>some words" },
  { "an empty text", text = html(words):gsub("some words", "", 1), finds = { "MADE_PLAIN_EMPTY" } },
  { "a link", text = plain "look https://a.example/abc", finds = { "MADE_SHORT_WITH_LINK" } },
  { "a link in a text", text = plain("https://a.example/abc " .. words) },
  { "nobody", text = head "From: a@b.example\nTo: undisclosed-recipients:;\n", finds = { "ADDRESSED_TO_NOBODY" } },
  { "a list", text = head "From: a@b.example\nList-Id: <l.b.example>\n" },
  { "a name that is a link", text = head 'From: "see http://a.example" <a@b.example>\nTo: c@d.example\n', finds = { "FROM_NAME_LINK" } },
  { "replies elsewhere", text = head(to .. "Reply-To: x@gmail.com\n"), finds = { "REPLIES_GO_TO_FREEMAIL=gmail.com" } },
  { "replies to a colleague", text = head(to .. "Reply-To: x@shop.example\n") },
  { "an address is greeted", text = plain "Dear bob.miller@home.example,\nsome words", finds = { "GREETS_AN_ADDRESS" } },
  { "a person is greeted", text = plain "Dear Bob,\nyour address is bob@home.example." },
  { "mailbox in the subject", text = to .. "Subject: bob.miller, look\n\nsome words\n", finds = { "SUBJECT_NAMES_MAILBOX" } },
  { "name in the subject", text = to .. "Subject: The bobs of bob\n\nsome words\n" },
  { "no Outlook", text = head(to .. "X-Mailer: Microsoft Outlook Express 6.00.2600.0000\n"), finds = { "MAILER_FORGED_OUTLOOK" } },
  { "Outlook", text = head(to .. "X-Mailer: Microsoft Outlook Express 6.00.2600.0000\nX-MimeOLE: Produced By Microsoft\n") },
  { "invisible", text = plain "p\u{200b}a\u{200b}s\u{200b}s\u{200b}word", finds = { "HIDES_ZERO_WIDTH" } },
  { "soft hyphens", text = plain "Donau\u{ad}dampf\u{ad}schiff" },
  { "foreign letters", text = plain "Verify your ассоunt at Pаypal", finds = { "HIDES_FOREIGN_LETTERS" } },
  { "two languages", text = plain "Это Debian и Linux, the word кот is Russian." },
  { "mathematical", text = plain "𝐖𝐢𝐧𝐧𝐞𝐫", finds = { "HIDES_MATH_LETTERS" } },
  { "a set", text = plain "for all 𝑥 in ℝ" },
  { "comments", text = html "v<!-- abc -->ery", finds = { "HIDES_COMMENT_IN_WORD" } },
  { "a comment", text = html "very <!-- abc --> much" },
  { "tags", text = html "ve<kjhgfd>ry", finds = { "HIDES_TAG_IN_WORD" } },
  { "bold", text = html "ve<strong>ry</strong>mu<em>ch</em>" },
  { "tiny", text = html('<span style="font-size:1px;">' .. words .. "</span>"), finds = { "HIDES_TINY_TEXT" } },
  { "small", text = html('<span style="font-size:11px;">' .. words .. "</span>") },
  { "white", text = html('<font color="#ffffff">' .. words .. "</font>"), finds = { "HIDES_WHITE_TEXT" } },
  { "black", text = html('<font color="#000000">' .. words .. "</font>") },
  { "a program", text = html '<script>document.write(unescape("%41"))</script>', finds = { "HIDES_IN_SCRIPT" } },
}
