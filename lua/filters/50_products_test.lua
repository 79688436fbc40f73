-- 50_products_test.lua - one of each, and usual mail with its words.
local function letter(text) return "Subject: hello\nContent-Type: text/plain; charset=utf-8\n\n" .. text .. "\n" end

return {
  { "a name", text = letter "Viagra", finds = { "PILLS_NAMES=Viagra" } },
  { "in a word", text = letter "Our specialist and the socialist read Trivia Grande." },
  { "disguised", text = letter "V1agra", finds = { "PILLS_DISGUISED=V1agra" } },
  { "with dots", text = letter "v.i.a.g.r.a", finds = { "PILLS_DISGUISED" } },
  { "a pharmacy", text = letter "no prescription needed", finds = { "PILLS_PHARMACY" } },
  { "a doctor", text = letter "The doctor wrote a prescription, the pharmacy is closed." },
  { "weight", text = letter "Lose up to 20 pounds", finds = { "PILLS_WEIGHT" } },
  { "a parcel's", text = letter "The weight of 20 pounds is too much." },
  { "larger", text = letter "male enhancement", finds = { "PILLS_ENLARGE" } },
  { "an enhancement", text = letter "This enhancement increases the size of the cache." },
  { "a miracle", text = letter "Doctors hate this", finds = { "PILLS_MIRACLE" } },
  { "a trick", text = letter "A simple trick makes the loop faster." },
  { "watches", text = letter "Replica watches of all kinds", finds = { "GOODS_REPLICA" } },
  { "replication", text = letter "The replica of the database watches over the log." },
  { "software", text = letter "OEM software", finds = { "GOODS_SOFTWARE" } },
  { "a program", text = letter "Free software in Debian, one CD." },
  { "addresses", text = letter "12 million e-mail addresses on CD", finds = { "GOODS_ADDRESSES" } },
  { "an address", text = letter "We checked your e-mail address." },
  { "adult", text = letter "Horny girls", finds = { "GOODS_ADULT" } },
  { "a form", text = letter "Name, sex, age: columns of the table." },
  { "spies", text = letter "Find out everything about anyone", finds = { "GOODS_SPY" } },
  { "a factory", text = letter "We are a professional manufacturer of LED lamps in Shenzhen, with competitive prices.", finds = { "GOODS_FACTORY" } },
  { "factory settings", text = letter "We are in the factory; the product is good." },
}
