-- subject_rules_test.lua - one table per case: a message of tests/lua, the symbols found, the header fields added.
return {
  { "a usual message", message = "usual.eml" },
  { "capital letters", message = "shouting.eml",
    finds = { "SUBJECT_ALL_CAPS" }, adds = { "X-Facteur-Rules: SUBJECT_ALL_CAPS" } },
  { "short capitals are no shouting", message = "short_capitals.eml" },
  { "no subject", message = "no_subject.eml",
    finds = { "SUBJECT_MISSING" }, adds = { "X-Facteur-Rules: SUBJECT_MISSING" } },
  { "a subject of spaces", message = "blank_subject.eml",
    finds = { "SUBJECT_MISSING" }, adds = { "X-Facteur-Rules: SUBJECT_MISSING" } },
  { "Re: that answers nothing", message = "fake_reply.eml",
    finds = { "SUBJECT_FAKE_REPLY" }, adds = { "X-Facteur-Rules: SUBJECT_FAKE_REPLY" } },
  { "an answer", message = "reply.eml" },
  { "capital letters behind an encoded word", message = "encoded_shouting.eml",
    finds = { "SUBJECT_ALL_CAPS", "SUBJECT_FAKE_REPLY" },
    adds = { "X-Facteur-Rules: SUBJECT_ALL_CAPS, SUBJECT_FAKE_REPLY" } },
}
