-- 95_combinations_test.lua - what stands together is given by `has`, as the other files would find it.
local mail = "Subject: x\n\nsome words\n"

return {
  { "nothing", text = mail },
  { "a sum", text = mail, has = { "MONEY_SUM" } },
  { "a letter", text = mail, has = { "MONEY_SUM", "MONEY_SHARE" }, finds = { "MONEY_LETTER" } },
  { "a newsletter", text = mail, has = { "LIST_POST", "BULK_CLICK_REMOVE", "LINT_HTML_ONLY" } },
  { "mass mail", text = mail, has = { "BULK_CLICK_REMOVE", "LINT_HTML_ONLY" }, finds = { "BULK_TWICE" } },
  { "an account and a failure", text = mail, has = { "SUBJ_ACCOUNT", "SPF_FAIL" }, finds = { "PHISH_UNPROVED" } },
  { "by somebody known", text = mail, has = { "SUBJ_ACCOUNT", "SPF_FAIL", "KNOWN_CONTACT" } },
  { "an account and a proof", text = mail, has = { "SUBJ_ACCOUNT", "SPF_PASS" } },
  { "links elsewhere", text = mail, has = { "SUBJ_PARCEL", "LINKS_ARE_ELSEWHERE" }, finds = { "PHISH_FROM_ELSEWHERE" } },
  { "a page", text = mail, has = { "LINT_HTML_ONLY", "LINKS_ARE_ELSEWHERE" }, finds = { "PAGE_FROM_ELSEWHERE" } },
}
