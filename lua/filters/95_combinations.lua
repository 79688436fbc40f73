-- 95_combinations.lua - what is suspicious only together. Symbols are those of the files before, and of the plugins.
composite { "MONEY_LETTER", score = 2.5, group = "combined", about = "a sum of millions and a letter that goes with it",
  when = "(MONEY_SUM | MONEY_IN_WORDS) & (MONEY_NEXT_OF_KIN | MONEY_BENEFICIARY | MONEY_DECEASED | MONEY_MOVE_FUND | MONEY_TRUNK | MONEY_SHARE | MONEY_NO_RISK | MONEY_CONFIDENTIAL | MONEY_PROPOSAL | MONEY_DONATION | MONEY_ATM_CARD | MONEY_DEAR_BELOVED)" }

composite { "MONEY_TO_FREEMAIL", score = 2.0, group = "combined", about = "money wording, and answers go to a free mailbox",
  when = "g:money & REPLIES_GO_TO_FREEMAIL" }

composite { "MONEY_UNPROVED", score = 1.5, group = "combined", about = "money wording by a sender that nothing proves",
  when = "g:money & (SPF_FAIL? | SPF_SOFTFAIL? | DKIM_FAIL? | DMARC_FAIL?) & !(DMARC_PASS? | KNOWN_SENDER? | REPLY_TO_OWN?)" }

composite { "PHISH_WITH_LINK", score = 2.0, group = "combined", about = "asks for an account, and the link goes to a throw-away page",
  when = "g:phish & (LINK_FREE_HOSTING | LINK_SHORTENED | PHISH_IP_URL? | LINK_CHEAP_TLD | LINK_INTO_BLOG | LINK_CARRIES_ADDRESS | LINK_OLD_TRICKS | LINK_REDIRECTS | LINK_IS_DATA)" }

composite { "PHISH_UNPROVED", score = 1.5, group = "combined", about = "asks for an account, and nothing proves the sender",
  when = "(g:phish | SUBJ_ACCOUNT) & (SPF_FAIL? | SPF_SOFTFAIL? | DKIM_FAIL? | DMARC_FAIL?) & !(DMARC_PASS? | KNOWN_SENDER? | REPLY_TO_OWN?)" }

composite { "PHISH_FROM_ELSEWHERE", score = 1.0, group = "combined", about = "asks for an account, and no link leads to the sender",
  when = "(g:phish | SUBJ_ACCOUNT | SUBJ_PARCEL) & LINKS_ARE_ELSEWHERE" }

composite { "GOODS_FROM_ELSEWHERE", score = 1.0, group = "combined", about = "sells, and no link leads to the sender",
  when = "(g:products | g:scam) & (LINKS_ARE_ELSEWHERE | PHISH_IP_URL? | LINK_CHEAP_TLD)" }

composite { "BULK_TWICE", score = 0.6, group = "combined", about = "mass mail that explains itself, without what lists have",
  when = "(BULK_NOT_SPAM | BULK_REMOVE_BY_REPLY | BULK_CLICK_REMOVE | BULK_ONE_TIME | BULK_OPT_IN_CLAIM) & (LINT_HTML_ONLY? | LINK_TO_REMOVE | LINK_MAILS_REMOVAL | BULK_ACT_NOW | BULK_GUARANTEE | BULK_NO_OBLIGATION) & !LIST_POST" }

composite { "PAGE_FROM_ELSEWHERE", score = 1.6, group = "combined", about = "only a page, and no link leads to the sender",
  when = "LINT_HTML_ONLY? & LINKS_ARE_ELSEWHERE" }
