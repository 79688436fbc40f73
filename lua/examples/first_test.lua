-- first_test.lua
return {
  { "a lottery", text = "Subject: Your LOTTERY prize\n\n", finds = { "SUBJECT_LOTTERY=lottery" } },
  { "a usual message", text = "Subject: Lunch\n\n" },
  { "no subject at all", text = "From: a@b.example\n\n" },
}
