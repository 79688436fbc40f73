-- slow_pieces.lua - takes its time over every piece of a message; for tests only.
hook { "chunk", function(c, ev) sleep_ms(150) end }
