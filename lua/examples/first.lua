-- first.lua - somebody won a lottery.
rule { "SUBJECT_LOTTERY", score = 3.0, group = "subject", about = "somebody won a lottery",
  function(m)
    return m.subject and m.subject:lower():match("lottery")
  end }
