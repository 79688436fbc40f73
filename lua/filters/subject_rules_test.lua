-- subject_rules_test.lua - one table per case: a message, the symbols found, the header fields added.
return {
  { "a usual message", message = "messages/usual.eml" },
  { "capital letters", message = "messages/shouting.eml",
    finds = { "SUBJECT_ALL_CAPS" }, adds = { "X-Facteur-Rules: SUBJECT_ALL_CAPS" } },
  { "short capitals are no shouting", message = "messages/short_capitals.eml" },
  { "no subject", message = "messages/no_subject.eml",
    finds = { "SUBJECT_MISSING" }, adds = { "X-Facteur-Rules: SUBJECT_MISSING" } },
  { "a subject of spaces", message = "messages/blank_subject.eml",
    finds = { "SUBJECT_MISSING" }, adds = { "X-Facteur-Rules: SUBJECT_MISSING" } },
  { "Re: that answers nothing", message = "messages/fake_reply.eml",
    finds = { "SUBJECT_FAKE_REPLY" }, adds = { "X-Facteur-Rules: SUBJECT_FAKE_REPLY" } },
  { "an answer", message = "messages/reply.eml" },
  { "capital letters behind an encoded word", message = "messages/encoded_shouting.eml",
    finds = { "SUBJECT_ALL_CAPS", "SUBJECT_FAKE_REPLY" },
    adds = { "X-Facteur-Rules: SUBJECT_ALL_CAPS, SUBJECT_FAKE_REPLY" } },
}
