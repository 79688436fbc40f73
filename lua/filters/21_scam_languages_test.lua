-- 21_scam_languages_test.lua - what each language says, and a usual sentence with the same words.
local function letter(text) return "Subject: x\nContent-Type: text/plain; charset=utf-8\n\n" .. text .. "\n" end

return {
  { "German: a survey", text = letter "Für unsere kurze Umfrage danken wir mit einem Gutschein.", finds = { "SCAM_PRIZE_DE" } },
  { "German: a winner", text = letter "Herzlichen Glückwunsch, Sie haben gewonnen", finds = { "SCAM_PRIZE_DE" } },
  { "German: a birthday", text = letter "Herzlichen Glückwunsch zum Geburtstag! Die Umfrage zum Termin läuft." },
  { "French: a winner", text = letter "Félicitations ! Vous êtes notre gagnant.", finds = { "SCAM_PRIZE_FR" } },
  { "French: usual", text = letter "Félicitations pour le nouvel emploi. Le sondage du comité est ouvert." },
  { "Spanish: a gift", text = letter "Ha sido elegido para recibir este regalo", finds = { "SCAM_PRIZE_ES" } },
  { "Spanish: usual", text = letter "Enhorabuena por la niña. La encuesta está abierta." },
  { "Portuguese: a prize", text = letter "Resgate agora seu prêmio", finds = { "SCAM_PRIZE_PT" } },
  { "Portuguese: usual", text = letter "Parabéns pelo aniversário, Ana." },
  { "Italian: a prize", text = letter "Complimenti, sei il nostro vincitore", finds = { "SCAM_PRIZE_IT" } },
  { "Italian: usual", text = letter "Complimenti per il lavoro." },
  { "Dutch: a prize", text = letter "Gefeliciteerd! U bent de winnaar", finds = { "SCAM_PRIZE_NL" } },
  { "Dutch: usual", text = letter "Gefeliciteerd met je verjaardag. De enquête is klaar." },
  { "a casino", text = letter "Hol dir 200 Freispiele", finds = { "SCAM_CASINO_MORE" } },
  { "a casino in Russian", text = letter "Онлайн-казино дарит бонус", finds = { "SCAM_CASINO_MORE" } },
  { "a game", text = letter "Das Spiel beginnt um acht, der Eintritt ist frei." },
  { "slimming", text = letter "Perdez 10 kilos sans sport", finds = { "SCAM_CURE_MORE" } },
  { "weight", text = letter "Das Gewicht des Pakets ist 3 Kilo." },
}
