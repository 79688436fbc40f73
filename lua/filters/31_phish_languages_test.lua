-- 31_phish_languages_test.lua - what each language says, and a usual sentence with the same words.
local function letter(text) return "Subject: x\nContent-Type: text/plain; charset=utf-8\n\n" .. text .. "\n" end

return {
  { "German: blocked", text = letter "Ihr Kundenkonto wurde vorübergehend gesperrt.", finds = { "PHISH_DE" } },
  { "German: a parcel", text = letter "Ihr Paket konnte nicht zugestellt werden.", finds = { "PHISH_DE" } },
  { "German: usual", text = letter "Ihr Konto wurde angelegt. Das Paket kommt morgen, die Straße ist gesperrt." },
  { "French: suspended", text = letter "Votre compte a été suspendu.", finds = { "PHISH_FR" } },
  { "French: confirm", text = letter "Veuillez confirmer vos coordonnées bancaires.", finds = { "PHISH_FR" } },
  { "French: usual", text = letter "Votre commande a été expédiée. Merci de confirmer la réunion." },
  { "Spanish: blocked", text = letter "Su cuenta ha sido bloqueada", finds = { "PHISH_ES" } },
  { "Spanish: usual", text = letter "Su pedido ha sido enviado; confirmar la reunión." },
  { "Portuguese: points", text = letter "Seus pontos expiram hoje", finds = { "PHISH_PT" } },
  { "Portuguese: blocked", text = letter "Sua conta foi bloqueada.", finds = { "PHISH_PT" } },
  { "Portuguese: usual", text = letter "Sua encomenda chegou; a conta do restaurante." },
  { "Italian: suspended", text = letter "Il suo conto è stato sospeso.", finds = { "PHISH_IT" } },
  { "Italian: usual", text = letter "Il conto del ristorante; il pacco è arrivato." },
  { "Dutch: blocked", text = letter "Uw bankpas wordt binnenkort geblokkeerd.", finds = { "PHISH_NL" } },
  { "Dutch: confirm", text = letter "Verifieer uw gegevens", finds = { "PHISH_NL" } },
  { "Dutch: usual", text = letter "Het pakket is bezorgd. De rekening van de klant is betaald." },
  { "Russian: blocked", text = letter "Ваш аккаунт будет заблокирован", finds = { "PHISH_RU" } },
  { "Russian: usual", text = letter "Ваш заказ будет отправлен завтра." },
  { "Chinese: a mailbox", text = letter "您的邮箱容量已满", finds = { "PHISH_ZH" } },
  { "Chinese: usual", text = letter "请把文件发到我的邮箱。" },
  { "Japanese: stopped", text = letter "アカウントの利用を停止しました", finds = { "PHISH_JA" } },
  { "Japanese: usual", text = letter "会議は明日の午後です。ご確認ください。" },
}
