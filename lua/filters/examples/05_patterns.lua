-- 05_patterns.lua - plain patterns: all of one target, of all files, are searched in one pass over the text.
patterns { group = "content", target = "text",
  CRYPTO_THREAT = { 4.0, [[/\b(?:send|pay)\b.{0,40}\b(?:bitcoin|btc|usdt)\b/i]], about = "extortion wording" },
  PRIZE_CLAIM = { 2.0, [[/\byou (?:have )?(?:been )?(?:won|selected)\b/i]], about = "somebody won something" },
}
composite { "EXTORTION", score = 3.0, about = "extortion by somebody unknown",
  when = "CRYPTO_THREAT & (SPF_FAIL? | DKIM_NONE?) & !KNOWN_SENDER?" }
