-- text_test.lua
local function case(what, want, more)
  local c = more or {}
  c[1] = what
  c.config = c.config or {}
  c.config.what = what
  if want then c.finds = { "TRY_TEXT=" .. want } end
  return c
end

local function fails(what, why)
  return { what, config = { what = what }, log = { why } }
end

return {
  case("config", "1 false 300.0 65536 1 a"),
  case("config", "2.5 true 7776000.0 1048576 2 x",
    { config = { number = "2.5", boolean = true, duration = "90d", size = "1M", list = { "x", "y" } } }),
  case("re_find", "5 9 42 false"),
  case("re_match", "7 bb nil 2 false"),
  case("re_gmatch", "1,22,333,<>,<x>,<>,<>"),
  case("re_gsub", "<1%> <2%> 2 one ID-2 1"),
  case("re_unicode", "éx é 2"),
  case("re_escape", "a.b*(c)"),
  fails("re_costly", "regular expression too costly"),
  case("json", '{"a":[1,2.5,"xé",true,null],"b":{}}xé true [1,2] "é"'),
  case("json_error", "nil line 1: string or '}' expected near end of file"),
  case("json_deep", "nil too large or nested too deep"),
  fails("json_bad", "only nil, booleans, numbers, strings and tables can be written"),
  fails("json_loop", "nested too deep"),
  case("hash", "78af5f94892f3950 900150983cd24fb0d6963f7d28e17f72 ba7816bf ba80a53f 128"),
  case("base64", "YUBiLmV4YW1wbGU= a@b.example nil YWI= a"),
  case("mime", "text/html UTF-8 a b.pdf café café c@d.example caféx hi"),
  case("time", "1769860800.0 1769857200 1769860800 nil 1970-01-01T00:00:00Z 02.01. Thu, 01 Jan 1970 00:00:00 +0000 1 Feb 26 1:02 EST",
    { now = 1769860800 }),
  case("ip", "1.2.0.192 63 true true true true true false true false false"),
  fails("ip_bad", "'hello' is not an IP address"),
  fails("ip_bad_net", "is not a net, a range or an address"),
  fails("pattern_costly", "rule_failed TRY_TEXT"),
  fails("gmatch_costly", "rule_failed TRY_TEXT"),
  fails("gsub_costly", "rule_failed TRY_TEXT"),
}
