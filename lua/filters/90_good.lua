-- 90_good.lua - what mail between people and of their lists looks like. Little each: everything can be imitated.
patterns { group = "good", target = "raw",
  GOOD_PATCH = { -1.0, [[/^(?:diff --git a\/|--- a\/[^\r\n]+\r?\n\+\+\+ b\/|@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@)/m]], about = "a patch" },
  GOOD_SIGNED = { -1, [[/^(?:Content-Type: multipart\/signed|-----BEGIN PGP SIGNED MESSAGE-----)/im]], about = "signed by OpenPGP or S/MIME" },
}

rule { "GOOD_REPLY", score = -1.5, group = "good", about = "answers a message and quotes it",
  function(m)
    if not (m:header("In-Reply-To") or m:header("References")) then return end
    local text = m.text or ""
    return text:sub(1, 1) == ">" or text:find("\n>", 1, true)
  end }

rule { "LIST_POST", score = 0, group = "good", about = "by a mailing list that people write to",
  function(m)
    local post = m:header("List-Post")
    return m.list_id and post and post:match("<mailto:([^>]+)>")
  end }

rule { "GOOD_SIGNATURE", score = -0.4, group = "good", about = "ends with a signature of four lines, as people's mail does",
  function(m)
    local at = (m.text or ""):find("\n-- ", 1, true)
    if not at or not m.text:find("^\r?\n", at + 4) then return end
    local _, lines = m.text:sub(at + 1):gsub("\n", "\n")
    return lines <= 6
  end }

composite { "GOOD_SIGNED_LIST", score = -1.0, group = "good", about = "a mailing list, proved by a signature or by ARC",
  when = "LIST_POST & (DKIM_PASS? | ARC_PASS? | DMARC_LIST?)" }
