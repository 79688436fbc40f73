-- text.lua - re, json, hash, base64, mime, time, config: everything they give, by detail of one symbol.
local function show(...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = tostring((select(i, ...))) end
  return table.concat(out, " ")
end

local what = config.string("what", "", "what is tried")
local number = config.number("number", 1, "a number")
local boolean = config.boolean("boolean", false, "yes or no")
local duration = config.duration("duration", "5m", "a time")
local size = config.size("size", "64K", "a size")
local list = config.list("list", { "a" }, "a list")
local id = re.compile([[/ID-(\d+)(x)?/i]])

local tries = {
  config = function() return show(number, boolean, duration, size, #list, list[1]) end,
  re_find = function() return show(id:find("the id-42 here")) end,
  re_match = function() return show(id:match("ID-7x"), re.compile("b+"):match("abbc"), id:match("none"), id:match("ID-1 ID-2", 3)) end,
  re_gmatch = function()
    local out = {}
    for n in id:gmatch("ID-1 ID-22 ID-333") do out[#out + 1] = n end
    for w in re.compile("x*"):gmatch("axé") do out[#out + 1] = "<" .. w .. ">" end
    return table.concat(out, ",")
  end,
  re_gsub = function()
    return show(id:gsub("ID-1 ID-2", "<%1%%>"), id:gsub("ID-1", function(n) return n + 1 .. "" end), id:gsub("ID-1 ID-2", { ["1"] = "one" }, 1))
  end,
  re_unicode = function() return show(re.compile("/É./i"):match("caféx"), re.compile("/^..$/b"):match("é"), #re.compile("."):match("\255é")) end,
  re_escape = function() return show(re.compile("^" .. re.escape("a.b*(c)") .. "$"):match("a.b*(c)")) end,
  re_costly = function() return re.compile("(a+)+$"):match(("a"):rep(30000) .. "b") end,
  json = function()
    local v = json.decode('{"a": [1, 2.5, "x\\u00e9", true, null], "b": {}}')
    return json.encode(v) .. show(v.a[3], v.a[5] == json.null, json.encode { 1, 2 }, json.encode("é"))
  end,
  json_error = function() return show(json.decode("{")) end,
  json_deep = function() return show(json.decode(("["):rep(100) .. ("]"):rep(100))) end,
  json_bad = function() json.encode { f = print } end,
  json_loop = function() local t = {} t.t = t json.encode(t) end,
  hash = function() return show(hash.xxh3("abc"), hash.md5("abc"), hash.sha256("abc"):sub(1, 8), hash.blake2b("abc"):sub(1, 8), #hash.blake2b("")) end,
  base64 = function() return show(base64.encode("a@b.example"), base64.decode("YUBiLmV4YW1wbGU"), base64.decode("!"), base64.encode("ab"), base64.decode("YQ==\n")) end,
  mime = function()
    local kind, p = mime.parameters([[Text/HTML; charset="UTF-8"; name*0="a b"; name*1=".pdf"; title*=utf-8''caf%C3%A9]])
    return show(kind, p.charset, p.name, p.title, mime.words("=?utf-8?q?caf=C3=A9?="), mime.addresses("A <a@b.example>, c@d.example")[2].address,
      mime.decode("caf=C3=A9=\nx", "quoted-printable"), mime.decode("aGk=", "base64"))
  end,
  time = function()
    return show(time.now(), time.parse("Sat, 31 Jan 2026 12:00:00 +0100").epoch, time.parse("2026-01-31T12:00:00Z").epoch, time.parse("soon"),
      time.format(0), time.format(86400, "%d.%m."), time.format(0, "mail"), time.parse("1 Feb 26 1:02 EST").text)
  end,
  ip = function()
    local v4, v6 = "192.0.2.1", "2001:db8::1"
    return show(v4:reversed(), #v6:reversed(), v4:within("192.0.2.0/24"), v4:within("10.0.0.0/8, 192.0.2.0-192.0.2.9"), v4:within { "1.2.3.4", v4 },
      v6:within("2001:db8::/32"), v6:within("::/0"), v4:within("::/0"), v4:is_v4(), v4:is_v6(), ("x"):is_v4())
  end,
  ip_bad = function() return ("hello"):reversed() end,
  ip_bad_net = function() return ("192.0.2.1"):within("192.0.2/24") end,
  pattern_costly = function() return ("a"):rep(30000):find(".-.-.-b") end,
  gmatch_costly = function() for _ in ("a"):rep(30000):gmatch(".-.-.-b") do return 1 end end,
  gsub_costly = function() return (("a"):rep(30000):gsub(".-.-.-b", "")) end,
}

rule { "TRY_TEXT", score = 1.0, about = "what the test asks for", function(m) return tries[what](m) end }
