-- 95_combinations_test.lua - what stands together is given by `has`, as the other files would find it; g:NAME: something of that group.
local mail = "Subject: x\n\nsome words\n"

return {
  { "nothing", text = mail },
  { "a sum", text = mail, has = { "MONEY_SUM" } },
  { "a letter", text = mail, has = { "MONEY_SUM", "MONEY_SHARE" }, finds = { "MONEY_LETTER" } },
  { "a newsletter", text = mail, has = { "LIST_POST", "BULK_CLICK_REMOVE", "LINT_HTML_ONLY" } },
  { "mass mail", text = mail, has = { "BULK_CLICK_REMOVE", "LINT_HTML_ONLY" }, finds = { "BULK_TWICE" } },
  { "an account and a failure", text = mail, has = { "SUBJ_ACCOUNT", "SPF_FAIL" }, finds = { "PHISH_UNPROVED" } },
  { "by somebody known", text = mail, has = { "SUBJ_ACCOUNT", "SPF_FAIL", "KNOWN_SENDER" } },
  { "an answer to own mail", text = mail, has = { "SUBJ_ACCOUNT", "SPF_FAIL", "REPLY_TO_OWN" } },
  { "forwarded, with its signature", text = mail, has = { "SUBJ_ACCOUNT", "SPF_FAIL", "DMARC_PASS" } },
  { "money and a failure", text = mail, has = { "g:money", "DKIM_FAIL" }, finds = { "MONEY_UNPROVED" } },
  { "money, forwarded", text = mail, has = { "g:money", "SPF_FAIL", "DMARC_PASS" } },
  { "money and a free mailbox", text = mail, has = { "g:money", "REPLIES_GO_TO_FREEMAIL" }, finds = { "MONEY_TO_FREEMAIL" } },
  { "a free mailbox", text = mail, has = { "REPLIES_GO_TO_FREEMAIL" } },
  { "an account and a free page", text = mail, has = { "g:phish", "LINK_FREE_HOSTING" }, finds = { "PHISH_WITH_LINK" } },
  { "a free page", text = mail, has = { "LINK_FREE_HOSTING" } },
  { "an account and a proof", text = mail, has = { "SUBJ_ACCOUNT", "SPF_PASS" } },
  { "links elsewhere", text = mail, has = { "SUBJ_PARCEL", "LINKS_ARE_ELSEWHERE" }, finds = { "PHISH_FROM_ELSEWHERE" } },
  { "goods elsewhere", text = mail, has = { "g:products", "LINKS_ARE_ELSEWHERE" }, finds = { "GOODS_FROM_ELSEWHERE" } },
  { "goods of a shop", text = mail, has = { "g:products" } },
  { "a page", text = mail, has = { "LINT_HTML_ONLY", "LINKS_ARE_ELSEWHERE" }, finds = { "PAGE_FROM_ELSEWHERE" } },
}
