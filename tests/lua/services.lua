-- services.lua - dns, redis, http, kv, limit, url, lists: everything they give, by detail of one symbol.
local bump = redis.script("bump", "return redis.call('INCR', KEYS[1])")

local function show(...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = tostring((select(i, ...))) end
  return table.concat(out, " ")
end

local what = config.string("what", "", "what is tried")
local tries = {
  dns_aaaa = function() local a = dns.aaaa("six.example") return show(#a, a[1], a[1]:is_v6(), a.ttl, a.authentic, a.canonical) end,
  dns_mx = function()
    local out = {}
    for i, x in ipairs(dns.mx("mail.example")) do out[i] = x.preference .. " " .. x.host end
    return table.concat(out, ",")
  end,
  dns_txt = function() return table.concat(dns.txt("t.example"), "|") end,
  dns_ptr = function(m) return dns.ptr(m.conn.ip)[1] end,
  dns_ptr_bad = function() return dns.ptr("nonsense") end,
  dns_tlsa = function() local r = dns.tlsa("_25._tcp.mx.example")[1] return show(r.usage, r.selector, r.matching, r.data) end,
  dns_cname = function() return dns.cname("www.example")[1] end,
  dns_none = function() return show(dns.a("none.example")) end,
  dns_failed = function() return show(select(2, dns.a("away.example"))) end,
  redis_call = function() return show(redis.call("GET", "k"), redis.call("INCR", "n"), redis.call("GET", "nil")) end,
  redis_list = function() return table.concat(redis.call("LRANGE", "l", 0, 1), ",") end,
  redis_error = function() return show(redis.call("BAD")) end,
  redis_script = function() return show(bump:call({ "k" }, { 5 })) end,
  redis_script_keys = function() return show(bump:call({ "a", "b" })) end,
  http_get = function()
    local r = http.get("https://api.example/x", { headers = { Accept = "text/plain" }, timeout = "2s", max = 100 })
    return show(r.status, r.body, r.headers["content-type"])
  end,
  http_post = function() local r = http.post("https://api.example/x", json.encode { a = 1 }) return r.body end,
  http_error = function() return show(http.get("https://gone.example/")) end,
  http_header = function() return http.get("https://api.example/x", { headers = { X = "a\r\nb" } }) end,
  kv = function()
    return show(kv.get("old"), kv.set("new", "v", "5m"), kv.get("new"), kv.add("n", 5), kv.add("n"), kv.seen("s", "1d"), kv.seen("s"))
  end,
  kv_ttl = function() kv.set("k", "v", "soon") end,
  limit = function() return show(limit.take("free", "10/1m"), limit.take("full", "10/1m burst 5", 2)) end,
  limit_bad = function() limit.take("k", "ten") end,
  url = function()
    local u = url.parse("https://me@WWW.Example.co.uk:8443/a/b?x=1&y=%20z&x=2#f")
    return show(u.scheme, u.host, u.org, u.port, u.user, u.path, u.query, u.fragment, u.params.x, u.params.y, u.display, u == nil, #u.text > 0)
  end,
  url_text = function() return show(url.parse("see example.org"), url.parse("a.pdf"), url.parse("mailto:a@b"), url.parse("")) end,
  url_org = function() return url.org("a.b.example.co.uk") end,
  wait_all = function()
    local a, t = wait_all(function() return dns.a("four.example")[1] end, function() return dns.txt("t.example")[1] end)
    return show(a, t)
  end,
  wait_all_error = function() wait_all(function() error("inside") end) end,
  wait_all_object = function(m) return (wait_all(function() return m.subject end)) end,
  lists = function()
    return show(lists.vip:has("A@example.org"), lists.nets:has("10.1.2.3"), lists.nets:has("11.0.0.1"), lists.nets:has("2001:db8::5"),
      lists.senders:has("sub.example.net"), lists.senders:has("example.net"), lists.senders:has("other.example"),
      lists.vip:find("hello a@example.org") == nil, lists.vip:find("the boss!"), lists.shapes:has("id 4711"), lists.vip:has(nil))
  end,
  list_find = function() return lists.nets:find("x") end,
  list_none = function() return lists.unknown end,
  log = function() log.debug("d") log.info("i %d", 1) log.warning("w") log.error("e") print("p", 1) return "said" end,
  metric = function() metric.count("n") metric.count("n", 2) metric.gauge("g", 5) metric.gauge("g", 3) return "counted" end,
  sleep = function() return show(sleep_ms(5), time_left_ms() > 0) end,
}

rule { "TRY_SERVICE", score = 1.0, about = "what the test asks for", function(m) return tries[what](m) end }

hook { "verdict", function() if what == "spawn" then spawn(function() log.info("beside") end) log.info("before") end end }
tries.spawn = function() end
