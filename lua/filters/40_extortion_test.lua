-- 40_extortion_test.lua - pieces of such a letter, one whole letter, and usual mail with its words.
local function letter(text) return "Subject: x\nContent-Type: text/plain; charset=utf-8\n\n" .. text .. "\n" end
local address = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"

return {
  { "filmed", text = letter "I have recorded you through the webcam.", finds = { "EXTORT_FILMED" } },
  { "a meeting", text = letter "We recorded the meeting; my webcam is broken." },
  { "infected", text = letter "I installed a small trojan on the computer.", finds = { "EXTORT_INFECTED" } },
  { "installed", text = letter "I installed the new version and got access to the repository." },
  { "contacts", text = letter "I shall send this video to all your contacts.", finds = { "EXTORT_SEND_CONTACTS" } },
  { "share", text = letter "Please share the photos with Anna." },
  { "pay", text = letter "You must pay $950 to this bitcoin wallet.", finds = { "EXTORT_PAY_COINS" } },
  { "a price", text = letter "We pay $950 for the rent." },
  { "a deadline", text = letter "You have 48 hours to make the payment.", finds = { "EXTORT_DEADLINE" } },
  { "time", text = letter "You have two days until the deadline of the talk." },
  { "a password", text = letter "I know that hunter22 is one of your passwords. I know your secret.", finds = { "EXTORT_PASSWORD_KNOWN" } },
  { "a new password", text = letter "Your new password is: hunter22. Please change it." },
  { "sites", text = letter "You were visiting adult websites, and there is a video.", finds = { "EXTORT_ADULT_SITES" } },
  { "an attack", text = letter "We will attack your network. Pay in BTC.", finds = { "EXTORT_ATTACK" } },
  { "an alarm", text = letter "The network of the servers was attacked yesterday." },
  { "an address", text = letter("My wallet: " .. address), finds = { "EXTORT_COIN_ADDRESS=" .. address } },
  { "a hash", text = letter "commit 3f786850e387550fdab836ed7e6dc881de23001b" },
  { "Russian", text = letter "Я записал, как вы мастурбируете. Переведите биткоины.", finds = { "EXTORT_MORE" } },
  { "German", text = letter "Ich habe Sie mit der Webcam gefilmt, wie Sie masturbieren. Zahlen Sie in Bitcoin.", finds = { "EXTORT_MORE" } },
  { "a whole letter", text = letter("I have filmed you by webcam. Send it among your friends? No: " .. address),
    finds = { "EXTORT_FILMED", "EXTORT_SEND_CONTACTS", "EXTORT_COIN_ADDRESS", "EXTORT_LETTER" } },
}
