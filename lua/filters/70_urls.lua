-- 70_urls.lua - where links lead, by the look of their addresses alone; nothing is fetched.
patterns { group = "urls", target = "urls",
  LINK_TO_NUMBER = { 2.5, [[/^https?:\/\/(?:0x[0-9a-f]+|\d{8,10})(?:[:\/?]|$)/im]], about = "a number instead of a name" },
  LINK_HOST_ESCAPED = { 2.0, [[/^https?:\/\/[^\/?#\n]{0,60}%[0-9a-f]{2}/im]], about = "the host is written in codes" },
  LINK_ODD_PORT = { 0.7, [[/^https?:\/\/[a-z0-9.-]+:(?!80\b|443\b|8080\b|8443\b|8000\b|3000\b|8081\b)\d{2,5}/im]], about = "an unusual port" },
  LINK_SHORTENED = { 0.4, [[/^https?:\/\/(?:www\.)?(?:bit\.ly|tinyurl\.com|t\.ly|is\.gd|v\.gd|cutt\.ly|rb\.gy|rebrand\.ly|shorturl\.at|ow\.ly|buff\.ly|t\.co|goo\.gl|tiny\.cc|bl\.ink|s\.id|shorte\.st|adf\.ly|lnkd\.in|qrco\.de|n9\.cl|u\.to|clck\.ru|vk\.cc|surl\.li|short\.gy|urlz\.fr|l\.ead\.me|tr\.ee|linktr\.ee|encurtador\.com\.br|2no\.co|goo\.su|1url\.cz)\/[\w-]/im]], about = "a shortened address" },
  LINK_FREE_HOSTING = { 1.2, [[/^https?:\/\/(?:(?:storage|firebasestorage)\.googleapis\.com\/[^\n]{0,120}\.html?|docs\.google\.com\/(?:forms|drawings|presentation)\/|[a-z0-9-]+\.(?:web\.app|firebaseapp\.com|pages\.dev|workers\.dev|r2\.dev|netlify\.app|vercel\.app|glitch\.me|webflow\.io|godaddysites\.com|square\.site|herokuapp\.com|onrender\.com|repl\.co|replit\.app|surge\.sh|000webhostapp\.com|infinityfreeapp\.com|duckdns\.org|ngrok(?:-free)?\.(?:io|app)|trycloudflare\.com|translate\.goog|myshopify\.com|mybluehost\.me|plesk\.page|cprapid\.com|framer\.(?:app|website)|carrd\.co)|[a-z0-9.-]+\.(?:blob\.core\.windows\.net|web\.core\.windows\.net|s3[a-z0-9.-]*\.amazonaws\.com|digitaloceanspaces\.com|linodeobjects\.com|backblazeb2\.com|ipfs\.[a-z.]{3,20}|cloudapp\.azure\.com)|(?:ipfs\.io|cloudflare-ipfs\.com|gateway\.pinata\.cloud|dweb\.link)\/)/im]], about = "a page that everybody can put up in a minute" },
  LINK_FREE_SITE = { 0.1, [[/^https?:\/\/(?:[a-z0-9-]+\.)?(?:weebly\.com|wixsite\.com|blogspot\.[a-z.]{2,6}|wordpress\.com|strikingly\.com|jimdosite\.com|yolasite\.com|geocities\.(?:com|ws)|tripod\.com|angelfire\.com|freewebs\.com|fc2\.com|sites\.google\.com)(?:\/|$)/im]], about = "a blog or home page of a free provider" },
  LINK_REDIRECTS = { 0.2, [[/^https?:\/\/(?:www\.)?(?:google\.[a-z.]{2,6}\/(?:url\?|amp\/|travel\/clk)|(?:googleads\.g|ad)\.doubleclick\.net\/[^\n]{0,300}https?|bing\.com\/ck\/a|youtube\.com\/redirect|l\.facebook\.com\/l\.php|l\.instagram\.com|(?:[a-z]+\.)?yahoo\.com\/[^\n]{0,120}\*{1,2}https?|rd\.yahoo\.com|r\.search\.yahoo|linkedin\.com\/(?:slink|redir)|t\.umblr\.com|vk\.com\/away|steamcommunity\.com\/linkfilter|(?:www\.)?baidu\.com\/link|href\.li|(?:[a-z0-9]+\.)?msn\.com\/[^\n]{0,100}https?:)/im]], about = "a large site that leads on to anywhere" },
  LINK_CHEAP_TLD = { 1.2, [[/^https?:\/\/[a-z0-9.-]+\.(?:top|xyz|icu|click|buzz|cyou|rest|monster|quest|cfd|sbs|bond|autos|boats|hair|makeup|skin|homes|beauty|win|bid|loan|men|date|racing|review|stream|download|trade|party|science|accountant|faith|cricket|webcam|gq|cf|tk|ml|ga|lat|lol|mom|pics|shop|store|online|site|fun|space|live|club|vip|wang|work|world|today|life|zip|mov|gdn|kim|fit|uno|ru\.com|sa\.com|za\.com|us\.com|in\.net)(?:[:\/?#]|$)/im]], about = "a top level that costs next to nothing" },
  LINK_IDN = { 0.8, [[/^https?:\/\/(?:[a-z0-9-]+\.)*xn--/im]], about = "an internationalised name" },
  LINK_MANY_LABELS = { 1.0, [[/^https?:\/\/(?:[a-z0-9-]+\.){6,}[a-z]{2,}(?:[:\/?#]|$)/im]], about = "seven labels or more" },
  LINK_RANDOM_HOST = { 0.9, [[/^https?:\/\/(?:[a-z0-9-]+\.)*(?:[a-z]*[bcdfghjklmnpqrstvwxz]{7,}[a-z]*|(?=[a-z0-9-]*\d[a-z0-9-]*[a-z][a-z0-9-]*\d[a-z0-9-]*[a-z][a-z0-9-]*\d)[a-z0-9]{9,}|[a-z]\d{5,}[a-z]{0,3})\.[a-z]{2,}(?:[:\/?#]|$)/im]], about = "a host name of random letters" },
  LINK_INTO_BLOG = { 1.2, [[/^https?:\/\/[^\/\n]+\/(?:[^\n?#]{0,80}\/)?(?:wp-(?:admin|includes)|wp-content\/(?!uploads\/)|\.well-known\/(?!apple|assetlinks)|cgi-?sys|~[a-z0-9]+\/(?:login|secure|update))/im]], about = "a folder that no visitor sees: a broken-in site" },
  LINK_TO_REMOVE = { 1.1, [[/^https?:\/\/[^\n]{4,80}\/(?:remove|removeme|takemeoff|takeoff|optout|opt-out|out|rem|r?mv|byebye|nomore|delete)(?:\.(?:html?|php|asp|cgi|pl)|\/?$|\?)/im]], about = "a page to be removed" },
  LINK_AFFILIATE = { 0.1, [[/^https?:\/\/[^\n]{4,120}(?:[?&](?:aff(?:iliate)?(?:_?id)?|affid|afid|aid|subid|clickid|offer_id|refer(?:rer)?id|sponsor)=|\/(?:aff|affiliate|refer)\/)/im]], about = "somebody is paid for the click" },
  LINK_LOGIN_WORDS = { 1.0, [[/^https?:\/\/[^\/\n]*(?:(?:secure|account|verify|verification|update|signin|login|support|billing|confirm|wallet|webmail|service)[.-]){2,}/im]], about = "several of login, secure, verify in one host" },
  LINK_OLD_TRICKS = { 1.5, [[/^https?:\/\/(?:[^\/\n]*\.)?(?:com|net|org|gov|edu)[.-][^\/\n]{4,}\.(?!au|br|cn|uk|mx|tr|tw|sg|hk|ar|co|pe|ve|pl|ua|my|ph|za|jp|nz|il|eg|sa|pk|vn)[a-z]{2,}|^https?:\/\/[^\/\n]*\.(?:com|net|org|gov|bank)-[^\/\n]+/im]], about = "a known ending in the midst of the host" },
}

rule { "LINK_CARRIES_ADDRESS", score = 1.2, group = "urls", about = "the recipient's address behind the # of a link, or in base64",
  function(m)
    local to = m.to[1]
    if not to or #to.domain == 0 then return end
    local plain, coded = to.address:lower(), base64.encode(to.address):gsub("=+$", "")
    for link in m.html:links() do
      local fragment = link.url.fragment
      if fragment and fragment:lower():find(plain, 1, true) then return link.url.host end
      if #coded >= 12 and link.url.text:find(coded, 1, true) then return link.url.host end
    end
  end }

rule { "LINK_ALL_THE_SAME", score = 1.7, group = "urls", about = "three links or more, all to the same address",
  function(m)
    local first, n = nil, 0
    for link in m.html:links() do
      if link.url.scheme:find("^http") then
        local text = link.url.text
        if first and first ~= text then return end
        first, n = first or text, n + 1
      end
    end
    return n >= 3 and n
  end }

rule { "LINKS_ARE_ELSEWHERE", score = 0.8, group = "urls", about = "not one link leads to the sender's own site",
  function(m)
    local own, n = m.from and url.org(m.from.domain), 0
    if not own or lists.freemail:has(m.from.domain) or m.list_id then return end
    for link in m.html:links() do
      if link.url.scheme:find("^http") then
        local host = link.url.host
        if host == own or host:sub(-#own - 1) == "." .. own then return end
        n = n + 1
      end
    end
    return n > 0 and n
  end }

patterns { group = "urls", target = "html",
  LINK_IS_DATA = { 1, [[/(?:href|action) ?= ?["']? ?(?:data:text\/html|javascript:|vbscript:)/i]], about = "a link that is a program or a page itself" },
  LINK_MAILS_REMOVAL = { 0.4, [[/href ?= ?["']?mailto:[^"' >]{1,60}@[^"' >]{3,60}\?subject=(?:3d)?[ "']?(?:%20)?(?:remove|unsubscribe|take me off|delete|off|no more)/i]], about = "removal by a mail with the subject remove" },
  PAGE_ASKS_PASSWORD = { 2.0, [[/<input[^>]{0,200}type ?= ?["']?password/i]], about = "a password field in the message" },
  PAGE_REFRESHES = { 2.0, [[/<meta[^>]{0,60}http-equiv ?= ?["']?refresh[^>]{0,80}url ?=/i]], about = "the page leads on by itself" },
}
