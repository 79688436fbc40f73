-- 01_replyto_freemail_test.lua
return {
  { "answers go to a free mailbox",
    text = "From: Billing <billing@bank.example>\nReply-To: b.illing@gmail.com\n\n",
    finds = { "REPLYTO_FREEMAIL=b.illing@gmail.com" } },
  { "below a provider's domain",
    text = "From: billing@bank.example\nReply-To: x@mail.yahoo.co.uk\n\n", finds = { "REPLYTO_FREEMAIL" } },
  { "no Reply-To", text = "From: billing@bank.example\n\n" },
  { "the same organisation", text = "From: a@bank.example\nReply-To: b@bank.example\n\n" },
  { "a private sender", text = "From: a@gmail.com\nReply-To: b@outlook.com\n\n" },
}
