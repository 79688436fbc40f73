-- 60_structure.lua - how the message is made: what hides, what disguises, who is addressed.
--
-- What is broken, missing or of an odd build is headers_lint's (LINT_HTML_ONLY, LINT_ONLY_IMAGE, LINT_FROM_IS_TO …), false links and names are phishing's; this is about habits.

local function plain_of(m)
  local plain, page
  for _, part in ipairs(m:parts()) do
    if part.type == "text/plain" and not part.name then plain = plain or part end
    if part.type == "text/html" and not part.name then page = page or part end
  end
  return plain, page
end

rule { "MADE_PLAIN_EMPTY", score = 1.0, group = "structure", about = "the plain text is empty, the page is not",
  function(m)
    local plain, page = plain_of(m)
    return plain and page and not plain.text:find("%S") and #m.html.text > 100
  end }

rule { "MADE_SHORT_WITH_LINK", score = 0.8, group = "structure", about = "a link and next to nothing else",
  function(m)
    local text = m.text or ""
    if #text > 200 or not text:find("https?://") then return end
    local rest = text:gsub("https?://%S+", "")
    return #rest:gsub("%s+", "") < 25
  end }

rule { "ADDRESSED_TO_NOBODY", score = 0.4, group = "structure", about = "To is missing, empty or undisclosed",
  function(m)
    return #m.to == 0 and #m.cc == 0 and not m.list_id
  end }

rule { "FROM_NAME_LINK", score = 1.0, group = "structure", about = "the sender's name contains a web address",
  function(m)
    return m.from and m.from.name and m.from.name:lower():match("https?://[^%s]+") or nil
  end }

rule { "REPLIES_GO_TO_FREEMAIL", score = 1.6, group = "structure", about = "Reply-To is a free mailbox, From is another address",
  function(m)
    local from, reply = m.from, m.reply_to
    return from and reply and reply.domain ~= from.domain and lists.freemail:has(reply.domain) and not m.list_id and reply.domain
  end }

-- The words before the address are those of ten languages.
local greeting = re.compile([[/^\W{0,10}(?:dear|hello|hi|hey|attn|attention|hallo|guten tag|bonjour|cher|chère|hola|estimado|olá|prezado|caro|ciao|gentile|geachte|beste|beloved|уважаемый|здравствуйте)[ :,!]{1,4}<?[\w.+-]{1,64}@[\w.-]{3,80}/im]])

rule { "GREETS_AN_ADDRESS", score = 1.5, group = "structure", about = "greets a mail address, not a person",
  function(m)
    local text = m.text and m.text:sub(1, 1000)
    return text and greeting:match(text)
  end }

rule { "SUBJECT_NAMES_MAILBOX", score = 0.6, group = "structure", about = "the subject contains the recipient's address or local part",
  function(m)
    local subject = (m.subject or ""):lower()
    for _, to in ipairs(m.to) do
      local word = to.localpart:lower()
      if #to.domain > 0 and subject:find(to.address:lower(), 1, true) then return to.address end
      if #word >= 5 and subject:find("^" .. word:gsub("%W", "%%%0") .. "[ ,:!]") then return word end
    end
  end }

rule { "MAILER_FORGED_OUTLOOK", score = 2.3, group = "structure", about = "claims to be Outlook Express, which always says X-MimeOLE",
  function(m)
    local mailer = m:header("X-Mailer")
    return mailer and mailer:find("Outlook Express", 1, true) and not m:header("X-MimeOLE") and not m.list_id
      and not m:header("Mailing-List") and mailer
  end }

patterns { group = "structure", target = "text",
  HIDES_ZERO_WIDTH = { 1.5, [[/(?<=[a-zA-Z])(?:[\x{200b}-\x{200d}\x{2060}\x{00ad}\x{feff}]+[a-zA-Z]+){3}/]],
    about = "invisible characters inside words" },
  HIDES_FOREIGN_LETTERS = { 2.0, [[/(?<=[a-zA-Z])[аеорсухіѕјԁһԛԝαορνι](?:[a-zA-Z]{2}|(?<=[a-zA-Z]{2}.)[a-zA-Z])/]],
    about = "Cyrillic or Greek letters inside Latin words" },
  HIDES_MATH_LETTERS = { 1.5, [[/(?:[\x{1d400}-\x{1d7ff}] ?){4,}|(?:[\x{ff21}-\x{ff3a}\x{ff41}-\x{ff5a}]){4,}/]],
    about = "words of mathematical letters" },
}

patterns { group = "structure", target = "html",
  HIDES_COMMENT_IN_WORD = { 2.4, [[/[a-z]<!-- ?[a-z0-9 ]{1,40} ?-->[a-z]|[a-z]<![a-z0-9]{3,30}>[a-z]/i]],
    about = "comments inside words" },
  HIDES_TAG_IN_WORD = { 1.8, [[/[a-z]<\/?(?!acronym|address|applet|article|audio|b>|base|basefont|big|blink|blockquote|body|br|button|canvas|caption|center|cite|code|col|dd|del|details|dfn|dir|div|em|embed|fieldset|figure|font|footer|form|frame|h\d|head|hr|html|i>|iframe|img|input|ins|isindex|kbd|label|layer|legend|li|link|listing|main|map|mark|marquee|menu|meta|multicol|nav|nobr|noframes|noscript|object|ol|optgroup|option|param|picture|plaintext|pre|progress|section|select|small|source|spacer|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|text|tfoot|th|thead|time|title|tr|tt|ul|var|video|wbr|xmp)[a-z]{4,20}>[a-z]/i]],
    about = "tags that do not exist inside words" },
  HIDES_TINY_TEXT = { 0.8, [[/font-size ?: ?(?:0|1)(?:px|pt)?[ ;"'](?!.{0,80}(?:line-height|display ?: ?none|max-height|&nbsp;|<\/td>))[^>]{0,120}>[a-z][^<]{40}/i]],
    about = "text too small to read" },
  HIDES_WHITE_TEXT = { 0.5, [[/<font[^>]{0,60} color ?= ?["']?(?:#?fff(?:fff|ff[0-9a-f])?|white)["']?[^>]{0,60}>[^<]{60}/i]],
    about = "white text" },
  HIDES_IN_SCRIPT = { 1.5, [[/document\.write ?\( ?(?:unescape|string\.fromcharcode|atob)|(?:eval|unescape) ?\( ?["'](?:%[0-9a-f]{2}){8}|String\.fromCharCode\((?:\d+, ?){8}/i]],
    about = "a page that a program writes" },
}
