-- services_test.lua
local function case(what, want, more)
  local c = more or {}
  c[1] = what
  c.text = "Subject: hello\n\n"
  c.config = { what = what }
  if want then c.finds = { "TRY_SERVICE=" .. want } end
  return c
end

local function fails(what, why, more)
  local c = case(what, nil, more)
  c.log = { why }
  return c
end

return {
  case("dns_aaaa", "1 2001:db8::1 true 300 false six.example", { dns = { ["aaaa six.example"] = { "2001:db8::1" } } }),
  case("dns_mx", "5 b.example,10 a.example,10 c.example",
    { dns = { ["mx mail.example"] = { "10 a.example", "5 b.example", "10 c.example" } } }),
  case("dns_txt", "v=spf1 -all|x", { dns = { ["txt t.example"] = { "v=spf1 -all", "x" } } }),
  case("dns_ptr", "host.example", { ip = "192.0.2.9", dns = { ["ptr 9.2.0.192.in-addr.arpa"] = { "host.example" } } }),
  fails("dns_ptr_bad", "an IP address is expected"),
  case("dns_tlsa", "3 1 1 00ff", { dns = { ["tlsa _25._tcp.mx.example"] = { "3 1 1 00ff" } } }),
  case("dns_cname", "host.example", { dns = { ["cname www.example"] = { "host.example" } } }),
  case("dns_none", "nil no_name "),
  case("dns_failed", "failed failed", { dns = { ["a away.example"] = "failed" } }),
  case("redis_call", "v 2 nil", { redis = { ["GET k"] = "v", ["INCR n"] = 2, ["GET nil"] = false } }),
  case("redis_list", "a,b", { redis = { ["LRANGE l 0 1"] = { "a", "b" } } }),
  case("redis_error", "nil ERR unknown", { redis = { BAD = { error = "ERR unknown" } } }),
  case("redis_script", "6", { redis = { ["bump k 5"] = 6 } }),
  case("redis_script_keys", "7", { redis = { ["bump a b"] = 7 } }),
  case("http_get", "200 yes text/plain",
    { http = { ["GET https://api.example/x"] = { status = 200, body = "yes", headers = { ["content-type"] = "text/plain" } } } }),
  case("http_post", "ok", { http = { ["POST https://api.example/x"] = { body = "ok" } } }),
  case("http_error", 'nil the test has no answer for "GET https://gone.example/"'),
  fails("http_header", "control characters in a header field"),
  case("kv", "1 true v 5 6 false true", { kv = { old = "1" } }),
  fails("kv_ttl", "'soon' is not a time"),
  case("limit", "true false 2", { limits = { full = 1.5 } }),
  fails("limit_bad", "'ten' is not a rate"),
  case("url", "https www.example.co.uk example.co.uk 8443 me /a/b x=1&y=%20z&x=2 f 2  z www.example.co.uk false true"),
  case("url_text", "nil nil nil nil"),
  case("url_org", "example.co.uk"),
  case("wait_all", "192.0.2.1 v", { dns = { ["a four.example"] = { "192.0.2.1" }, ["txt t.example"] = { "v" } } }),
  fails("wait_all_error", "inside"),
  case("wait_all_object", "hello"),
  case("lists", "true true false true true true false true boss true false"),
  fails("list_find", "find looks for words; this is a list of nets"),
  fails("list_none", "there is no list 'unknown'"),
  case("log", "said", { log = { "debug: d", "info: i 1", "warning: w", "error: e", "info: p\t1" } }),
  case("metric", "counted"),
  case("sleep", "true true"),
  case("spawn", nil, { log = { "info: beside", "info: before" } }),
}
