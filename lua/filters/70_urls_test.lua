-- 70_urls_test.lua - links of each kind, and usual ones.
local to = "From: a@shop.example\nTo: bob@home.example\nContent-Type: text/html; charset=utf-8\n\n"
local function link(...)
  local text = to .. '<a href="https://www.shop.example/">home</a>'
  for _, address in ipairs { ... } do text = text .. '<a href="' .. address .. '">here</a>' end
  return text
end

return {
  { "usual", text = link("https://www.example.org/a/b?c=d#e", "https://docs.example.org:8443/", "http://192.168.1.1/") },
  { "a number", text = link "http://3405803783/a", finds = { "LINK_TO_NUMBER" } },
  { "an @ in the path", text = link "https://social.example/@anna" },
  { "codes", text = link "http://%65vil.example/", finds = { "LINK_HOST_ESCAPED" } },
  { "a port", text = link "http://evil.example:4444/", finds = { "LINK_ODD_PORT" } },
  { "shortened", text = link "https://bit.ly/3abc", finds = { "LINK_SHORTENED" } },
  { "hosted", text = link "https://my-bank-login.web.app/", finds = { "LINK_FREE_HOSTING" } },
  { "a bucket", text = link "https://storage.googleapis.com/bucket/page.html", finds = { "LINK_FREE_HOSTING" } },
  { "a blog", text = link "https://anna.blogspot.com/", finds = { "LINK_FREE_SITE" } },
  { "a redirection", text = link "https://www.google.com/url?q=https://evil.example/", finds = { "LINK_REDIRECTS" } },
  { "a search", text = link "https://www.google.com/search?q=mail" },
  { "a cheap top level", text = link "https://prize.top/x", finds = { "LINK_CHEAP_TLD" } },
  { "a path of that name", text = link "https://www.example.org/shop/top" },
  { "internationalised", text = link "https://xn--bcher-kva.example/", finds = { "LINK_IDN" } },
  { "many labels", text = link "https://a.b.c.d.e.f.evil.example/", finds = { "LINK_MANY_LABELS" } },
  { "random", text = link "https://qwrtzxcvb.example/", finds = { "LINK_RANDOM_HOST" } },
  { "a broken-in site", text = link "https://blog.example/wp-includes/js/x/", finds = { "LINK_INTO_BLOG" } },
  { "a picture of a blog", text = link "https://blog.example/wp-content/uploads/a.jpg" },
  { "removal", text = link "http://evil.example/remove.html", finds = { "LINK_TO_REMOVE" } },
  { "an affiliate", text = link "http://evil.example/?affid=4711", finds = { "LINK_AFFILIATE" } },
  { "login words", text = link "https://secure-login-verify.example.org/", finds = { "LINK_LOGIN_WORDS" } },
  { "an old trick", text = link "https://www.bank.com-id4711.example/", finds = { "LINK_OLD_TRICKS" } },
  { "a usual suffix", text = link "https://www.shop.com.au/" },
  { "the recipient", text = link "https://evil.example/#bob@home.example", finds = { "LINK_CARRIES_ADDRESS=evil.example" } },
  { "the recipient in base64", text = link("https://evil.example/?u=" .. base64.encode("bob@home.example")), finds = { "LINK_CARRIES_ADDRESS" } },
  { "the same", text = to .. ('<a href="https://shop.example/x">x</a>'):rep(3), finds = { "LINK_ALL_THE_SAME=3" } },
  { "elsewhere", text = to .. '<a href="https://evil.example/x">x</a>', finds = { "LINKS_ARE_ELSEWHERE=1" } },
  { "data", text = link 'data:text/html,x', finds = { "LINK_IS_DATA" } },
  { "a mail", text = link 'mailto:a@gmail.com?subject=remove', finds = { "LINK_MAILS_REMOVAL" } },
  { "a usual mail", text = link 'mailto:a@shop.example?subject=Order' },
  { "a password", text = link() .. '<form><input name=p type="password">', finds = { "PAGE_ASKS_PASSWORD" } },
  { "a search field", text = link() .. '<form><input name=p type="text">' },
  { "leads on", text = link() .. '<meta http-equiv="refresh" content="0;url=https://evil.example/">', finds = { "PAGE_REFRESHES" } },
}
