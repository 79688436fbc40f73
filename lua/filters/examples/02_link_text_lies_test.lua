-- 02_link_text_lies_test.lua
local html = "Subject: x\nContent-Type: text/html; charset=utf-8\n\n"

return {
  { "it shows a bank and goes elsewhere",
    text = html .. '<a href="https://login.evil.example/x">https://www.bank.example/</a>',
    finds = { "LINK_TEXT_LIES=bank.example -> evil.example" } },
  { "without a scheme", text = html .. '<a href="http://evil.example">www.bank.example</a>',
    finds = { "LINK_TEXT_LIES" } },
  { "two of them", text = html .. '<a href="http://a.example">b.example</a> <a href="http://c.example">d.example</a>',
    finds = { "LINK_TEXT_LIES=b.example -> a.example, d.example -> c.example" } },
  { "another host of the same organisation",
    text = html .. '<a href="https://click.bank.example/1">www.bank.example</a>' },
  { "a text that is no address", text = html .. '<a href="https://evil.example">Read more</a>' },
  { "a file's name", text = html .. '<a href="https://files.example">invoice.pdf</a>' },
  { "no HTML at all", text = "Subject: x\n\nhttps://bank.example\n" },
}
