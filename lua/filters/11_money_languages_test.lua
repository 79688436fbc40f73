-- 11_money_languages_test.lua - what each language says, and a usual sentence with the same words.
local function letter(text) return "Subject: x\nContent-Type: text/plain; charset=utf-8\n\n" .. text .. "\n" end

return {
  { "German: a dead client", text = letter "Ich schreibe wegen des Kontos meines verstorbenen Kunden.", finds = { "MONEY_DE" } },
  { "German: a prize", text = letter "Ihre E-Mail-Adresse hat soeben gewonnen!", finds = { "MONEY_DE" } },
  { "German: usual", text = letter "Der Kunde hat das Darlehen erhalten. Unsere Angehörigen haben gewonnen." },
  { "French: a gift", text = letter "Je souhaite faire un don de ma fortune.", finds = { "MONEY_FR" } },
  { "French: a loan", text = letter "Offre de prêt entre particuliers", finds = { "MONEY_FR" } },
  { "French: usual", text = letter "Merci pour le prêt du livre, le client est content. Le don du sang est utile." },
  { "Spanish: a dead client", text = letter "Soy el abogado de mi difunto cliente.", finds = { "MONEY_ES" } },
  { "Spanish: usual", text = letter "El cliente pagó los fondos; su correo fue enviado." },
  { "Portuguese: a prize", text = letter "Parabéns! Você foi contemplado.", finds = { "MONEY_PT" } },
  { "Portuguese: usual", text = letter "O cliente foi informado; o empréstimo do livro termina hoje." },
  { "Italian: an heir", text = letter "Lei è il beneficiario di questo fondo.", finds = { "MONEY_IT" } },
  { "Italian: usual", text = letter "Il prestito del libro scade domani; il parente arriva." },
  { "Dutch: a dead client", text = letter "Ik was de advocaat van mijn overleden cliënt.", finds = { "MONEY_NL" } },
  { "Dutch: usual", text = letter "De lening van het boek is verlengd, uw e-mail is verzonden." },
  { "Russian: a payment", text = letter "Вам начислена денежная выплата", finds = { "MONEY_RU" } },
  { "Russian: usual", text = letter "Ваш заказ отправлен, перевод текста готов." },
  { "Chinese: invoices", text = letter "本公司代开各类发票", finds = { "MONEY_ZH" } },
  { "Chinese: usual", text = letter "请查收附件中的发票，谢谢。" },
  { "Japanese: a prize", text = letter "ご当選おめでとうございます", finds = { "MONEY_JA" } },
  { "Japanese: usual", text = letter "会議の資料を送ります。よろしくお願いします。" },
}
