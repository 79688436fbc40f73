-- 90_good_test.lua - mail of people, and what only looks like it.
local post = "List-Id: <dev.example.org>\nList-Post: <mailto:dev@example.org>\nSubject: x\n\nsome words\n"
local quoted = "Subject: Re: x\n\nAnna wrote:\n> some words\nYes.\n"

return {
  { "a patch", text = "Subject: x\n\ndiff --git a/x b/x\n", finds = { "GOOD_PATCH" } },
  { "about a diff", text = "Subject: x\n\nThe diff --git option\n" },
  { "signed", text = "Content-Type: multipart/signed; boundary=b\n\n--b--\n", finds = { "GOOD_SIGNED" } },
  { "an answer", text = "In-Reply-To: <a@b>\n" .. quoted, finds = { "GOOD_REPLY" } },
  { "quoted, but no answer", text = quoted },
  { "an answer without a quotation", text = "In-Reply-To: <a@b>\nSubject: Re: x\n\nYes.\n" },
  { "a list", text = post, finds = { "LIST_POST=dev@example.org" } },
  { "a signed list", text = post, has = { "DKIM_PASS" }, finds = { "LIST_POST", "GOOD_SIGNED_LIST" } },
  { "a newsletter", text = "List-Id: <news.example.org>\nSubject: x\n\nsome words\n", has = { "DKIM_PASS" } },
  { "a signature", text = "Subject: x\n\nsome words\n-- \nAnna\n", finds = { "GOOD_SIGNATURE" } },
  { "a line", text = "Subject: x\n\nsome words\n--\nAnna\n" },
}
