-- 05_patterns_test.lua
local threat = "Subject: x\n\nYou must pay within two\ndays, in Bitcoin.\n"

return {
  { "a threat, wrapped", text = threat, finds = { "CRYPTO_THREAT=pay within two days, in Bitcoin" } },
  { "and not signed", text = threat, has = { "DKIM_NONE" }, finds = { "CRYPTO_THREAT", "EXTORTION" } },
  { "by somebody known", text = threat, has = { "SPF_FAIL", "KNOWN_SENDER" }, finds = { "CRYPTO_THREAT" } },
  { "in HTML", text = "Content-Type: text/html\n\n<p>You have <b>been</b> selected</p>",
    finds = { "PRIZE_CLAIM=You have been selected" } },
  { "a usual message", text = "Subject: x\n\nWe pay the invoice; much "
    .. ("later "):rep(20) .. "bitcoin is mentioned\n" },
}
