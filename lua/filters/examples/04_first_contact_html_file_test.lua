-- 04_first_contact_html_file_test.lua
local mail = [[
From: new@sender.example
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

See the file.
--b
Content-Type: application/octet-stream; name="%s"
Content-Disposition: attachment; filename="%s"

<html>
--b--
]]

return {
  { "a stranger sends a page", text = mail:format("invoice.HTML", "invoice.HTML"),
    finds = { "FIRST_CONTACT_HTML=invoice.HTML" } },
  { "somebody known", text = mail:format("invoice.html", "invoice.html"), kv = { ["sender:new@sender.example"] = true } },
  { "another kind of file", text = mail:format("invoice.pdf", "invoice.pdf") },
  { "no file", text = "From: new@sender.example\n\nHello\n" },
  { "nobody sent it", text = mail:format("a.htm", "a.htm"):gsub("^[^\n]*\n", "") },
}
