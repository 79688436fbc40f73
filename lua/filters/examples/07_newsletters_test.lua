-- 07_newsletters_test.lua
local letter = "From: news@shop.example\nList-Id: Offers <offers.shop.example>\n\n"
local wish = { newsletter_folder = "Newsletters" }

return {
  { "asked for", text = letter, settings = wish, mailbox = "Newsletters", keywords = { "$Newsletter" } },
  { "not asked for", text = letter },
  { "from somebody known", text = letter, settings = wish, has = { "KNOWN_SENDER" } },
  { "no list", text = "From: a@b.example\n\n", settings = wish },
}
