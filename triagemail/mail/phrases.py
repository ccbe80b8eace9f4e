"""The words by which mail programs that send no machine-readable sign are known, in the languages they write (trust.md
L1, L2).

Data only; `screening.py` says what they count for. They are how software opens a mail, so they are compared with the
beginning of a subject or of a text, folded (`words.fold`), and none counts alone where a person could have written it.
"""

from __future__ import annotations

from triagemail.mail.words import fold


def _table(text: str) -> tuple[str, ...]:
    """The wordings between the bars, folded, white space collapsed."""
    return tuple(" ".join(fold(wording).split()) for wording in text.split("|"))


# How the subject of a returned mail begins.
BOUNCE_SUBJECTS = _table("""
undelivered mail returned | undeliverable | undelivered: | undelivered mail | undelivered message |
mail undeliverable | message undeliverable | message not deliver | message could not be delivered |
message delivery | message status | mail not deliver | mail could not be delivered | mail delivery | mail error |
mail failure | mail routing error | mail system error | mail returned | mail rejected | email delivery fail |
email not delivered | email undeliverable | e-mail delivery | your message could not be delivered |
your mail could not be delivered | your email could not be delivered | sorry, your message | delivery fail |
delivery has failed | delivery status | delivery notification | delivery report | delivery error |
delivery problem | delivery unsuccessful | delivery delayed | delivery incomplete | delivery of your |
delivery to | delivery attempt | permanent delivery | permanent error | permanent fail | transient delivery |
warning: could not send | warning: message | warning: mail | warning - message | warning message |
mdaemon warning | mdaemon notification | returned mail | return mail | returned message | returned to sender |
return to sender | returned email | returned: | failure notice | failure delivering | failure to deliver |
failed mail | failed delivery | failed to deliver | failed message | unable to deliver | unable to send |
cannot deliver | could not deliver | could not send message | non-deliver | non deliver | nondeliver |
notification of non | notification: non | notice: mail delivery | notice of undeliver | ndn: | ndr: |
user unknown | unknown user | unknown recipient | unknown address | unknown local | no such user |
invalid recipient | invalid address | recipient unknown | address not found | mailbox full | mailbox unavailable |
mailbox is full | over quota | quota exceeded | message rejected | message refused | message blocked |
message has been rejected | rejected mail | rejected: | rejected message | postmaster notify |
problem delivering | problem in message delivery | problems in message delivery | error delivering |
error sending | error in mail | error mail | smtp error | smtp mail fail | status of your mail |
report to sender | receipt notification | bounce | mailer-daemon | nondeliverable mail | non remis |
non distribue | message non remis | message non distribu | echec de la remise | echec de la distribution |
echec de distribution | echec d'envoi | echec de remise | notification d'echec | notification de non |
avis de non | remise impossible | unzustellbar | nicht zustellbar | zustellung fehlgeschlagen |
zustellung nicht moglich | zustellungsfehler | zustellfehler | zustellstatus | mailzustellung |
fehler bei der zustellung | nachricht nicht zugestellt | ihre nachricht konnte nicht | no se puede entregar |
no se pudo entregar | no entregado | error de entrega | error al entregar | correo devuelto |
correo no entregado | mensaje no entregado | mensaje devuelto | devuelto al remitente | devolucion de correo |
fallo en la entrega | fallo de entrega | aviso de no entrega | impossibile recapitare | impossibile consegnare |
mancato recapito | mancata consegna | non recapitabile | consegna fallita | messaggio non consegnato |
errore di recapito | mensagem nao entregue | nao entregue | nao foi possivel entregar | falha na entrega |
falha de entrega | falha no envio | erro na entrega | devolvida | email devolvido | onbestelbaar | niet bezorgd |
niet afgeleverd | bezorging mislukt | aflevering mislukt | fout bij het bezorgen | kan inte levereras |
kunde inte levereras | ej levererat | olevererat | kunne ikke leveres | kan ikke leveres | ikke levert |
leveringsfeil | uleverbar | levering mislykkedes | ei voitu toimittaa | toimitus epaonnistui | nie dostarczono |
niedostarczona | niedostarczalna | nie mozna dostarczyc | zwrot wiadomosci | nedorucitelna | nedorucena |
nelze dorucit | nepodarilo sa dorucit | kezbesithetetlen | nem kezbesitheto | nelivrat | mesaj nelivrat |
недоставленн | не доставлен | не удалось доставить | невозможно доставить | ваше сообщение не доставлено |
ваше письмо не доставлено | сообщение не доставлено | ошибка доставки | teslim edilemedi | teslim edilemeyen |
gonderilemedi | μη παραδοτεο | αδυναμια παραδοσης | 配信できません | 配信不能 | 配信エラー | 配信失敗 | 配達不能 |
未配達 | 送信できません | 送信エラー | 送信失敗 | メール送信エラー | メール配信エラー | メールシステムエラー |
メッセージを配信できません | エラーメール | メールエラー | エラー通知 | 宛先不明 | 无法投递 | 无法送达 |
无法传递 | 未送达 | 未能送达 | 系统退信 | 退信 | 投递失败 | 邮件退回 | 無法傳遞 | 無法投遞 | 無法遞送 | 未傳遞 |
傳遞失敗 | 배달 실패 | 배달되지 | 전송 실패 | 전송되지 | 발송 실패 | 반송
""")

# How the text of a returned mail begins, in the words of programs that write nothing else: enough without any other
# sign.
BOUNCE_OPENINGS = _table("""
this is the mail system at | this is the postfix program at | this is the qmail | hi. this is the qmail |
hi! this is the mailer | this is the mailer-daemon | this is the exim | this is the dragonfly mail agent |
this message was created automatically by mail delivery software |
this message was created automatically by the mail | this message has been generated automatically by the mail |
this is an automatically generated delivery status notification | this is a delivery status notification |
this is an automatically generated delivery | this is a delivery failure |
a message that you sent could not be delivered | a message that you have sent could not be delivered |
a message you sent could not be delivered | delivery to the following recipient |
delivery has failed to these recipients | delivery of the following message |
your message did not reach some or all | the original message was received at |
the following addresses had permanent | the following recipient(s) could not be reached |
the following recipients could not be | this report relates to a message you sent | message from interscan |
non-delivery report | duplicated message-id in | invalid final delivery userid | failed recipients
""")

# How a mail system addresses the sender of the mail it returns; with a subject of a returned mail enough.
BOUNCE_ADDRESSES = _table("""
your message could not | your message was not | your message has not | your message cannot | your message to |
your mail could not | your mail was not | your e-mail could not | your email could not |
the message you sent could not | the message you sent was not | the message you sent cannot |
the mail you sent could not | the mail you sent was not | the email you sent could not |
the email you sent was not | the e-mail you sent could not | the email below could not |
the message below could not | the following mail could not | a message you sent | sorry, your message |
ihre nachricht konnte | ihre e-mail konnte | die nachricht konnte | votre message n'a | votre courriel n'a |
votre message a destination | su mensaje no | el mensaje no | su correo no | il messaggio non | il suo messaggio |
sua mensagem nao | a sua mensagem nao | a mensagem nao | uw bericht kon | uw bericht is niet |
ditt meddelande kunde | din besked kunne | meldingen din kunne | twoja wiadomosc nie | vase zprava |
ваше сообщение не | ваше письмо не | mesajınız | 您的邮件 | 您发送的邮件 | 您的郵件 | 您發送的郵件 |
お客様が送信された | あなたが送信した | 귀하의 메시지 | 귀하가 보낸
""")

# Words near the beginning of the text of a returned mail, which a person may use too.
BOUNCE_TEXTS = _table("""
could not be delivered | couldn't be delivered | cannot be delivered | can not be delivered | can't be delivered |
not be delivered | was not delivered | wasn't delivered | were not delivered | has not been delivered |
have not been delivered | not been delivered | failed to deliver | failed to be delivered | unable to deliver |
unable to send | unable to be delivered | wasn't able to deliver | was not able to deliver |
were unable to deliver | could not deliver | couldn't deliver | cannot deliver | could not send | cannot be sent |
delivery failed | delivery failure | delivery fail | delivery has failed | delivery error | delivery status |
delivery to the following | delivery notification | delivery attempt | delivering your | deliver your message |
deliver the mail | deliver a message | undeliverable | undelivered | nondeliver | non-deliver | returned mail |
returned to you | returned to sender | mail returned | user unknown | unknown user | unknown recipient |
unknown address | no such user | user doesn't | user does not | not a valid | invalid recipient |
invalid address | recipient unknown | recipient rejected | address rejected | address not found | host not found |
host unknown | does not exist | doesn't exist | no mailbox | mailbox unavailable | mailbox full |
mailbox is full | mailbox has exceeded | over quota | exceeded quota | quota exceeded | exceeds the size |
unrouteable | was rejected | were rejected | been rejected | was refused | been blocked | was blocked |
relaying denied | access denied | message was not accepted | did not accept | do not have a | permanent error |
fatal error | transcript of session | error message | failed recipient | failed address | final-recipient |
remote host said | smtp error | diagnostic | nicht zugestellt | nicht zustellbar | unzustellbar | konnte nicht |
n'a pas pu etre | n'a pu etre | pas pu etre remis | impossible de remettre | non remis | no se pudo entregar |
no se ha podido entregar | no ha podido | no pudo ser entregado | no se puede entregar | impossibile recapitare |
non e stato possibile | non e stato recapitato | nao foi possivel | nao pode ser entregue |
nao pôde ser entregue | kon niet worden | niet worden bezorgd | niet afgeleverd | kunde inte levereras |
kunne ikke leveres | ei voitu toimittaa | nie mogla zostac | nie zostala dostarczona | nie mozna dostarczyc |
nelze dorucit | nebylo mozne dorucit | не может быть доставлено | не было доставлено | не доставлено |
не удалось доставить | teslim edilemedi | 送信できません | 送信でき | 配信できません | 配送できません |
お届けできません | 届けることができません | 宛先 | エラー | 无法投递 | 无法送达 | 未能送达 | 无法传递 | 退回 |
退信 | 無法傳遞 | 無法投遞 | 无法将 | 배달할 수 없 | 전송할 수 없 | 전달되지 | 배달되지
""")

# A warning: the mail is still on its way (RFC 3464 2.3.3, action "delayed"). In the subject, or near the beginning of
# the text.
DELAY_TEXTS = _table("""
delivery status notification (delay) | delayed | delivery delay | delay notification | still being retried |
still trying | will be retried | will keep trying | will continue to try | will try again | continue trying |
attempts will continue | attempts to deliver the message will continue | could not send message for past |
could not send message for | has not yet been delivered | not yet been delivered | not yet delivered |
not been delivered yet | this is a warning message only | you do not need to resend | you don't need to resend |
no action is required on your part | temporary delivery | transient non-fatal | transient delivery |
temporarily unable to deliver | verzogert | verzogerung | noch nicht zugestellt | retarde | retardee |
pas encore ete remis | retrasad | aun no se ha entregado | in ritardo | non ancora consegnat | atrasad |
vertraagd | forsenad | forsinket | opozniona | zpozden | задержк | 配信遅延 | 遅延 | 延迟 | 延遲 | 지연
""")

# What ends the hope that a delay leaves: the same mail then is a failure.
FAILURE_TEXTS = _table("""
permanent | fatal error | gave up | given up | giving up | i'm not going to try again | no further attempts |
has been returned | failed permanently | user unknown | cannot send message for | unable to deliver |
timed out in the queue
""")

# The mail arrived (RFC 3464 2.3.3, actions "delivered", "relayed", "expanded").
DELIVERED_SUBJECTS = _table("""
delivered: | relayed: | zugestellt: | úspěšně doručeno | return receipt | successful mail delivery report |
delivery status notification (success) | delivery status notification (relay)
""")
DELIVERED_TEXTS = _table("""
delivery status notification (success) | delivery has been successful | successful mail delivery report |
successfully delivered | was successfully relayed | has been successfully relayed | successfully relayed
""")

FEEDBACK_SUBJECTS = _table("""
email feedback report for ip | complaint about message from | abuse report | spam complaint | spam report |
feedback loop | fbl report | dmarc forensic report
""")
FEEDBACK_TEXTS = _table("""
this is an email abuse report for | this is a spam complaint | this is an abuse report |
this is an authentication failure report | this is an autogenerated email abuse complaint
""")

# What a program calls its own answer. At the beginning of a subject, before a colon, dash or bracket or alone: a sign
# by itself.
AUTO_SUBJECTS = _table("""
automatic reply | automatic response | automatic answer | automatic acknowledgement | automated reply |
automated response | auto reply | auto-reply | autoreply | auto response | auto-response | autoresponse |
autorespons | auto responder | auto-responder | autoresponder | auto-generated reply | auto: out of office |
vacation reply | vacation response | out of office reply | out of office autoreply | out of office auto-reply |
out of office notification | out of office message | out of office response | out-of-office reply |
out-of-office notification | abwesenheitsnotiz | abwesenheitsnachricht | abwesenheitsmeldung |
abwesenheitsbenachrichtigung | abwesenheitsassistent | automatische antwort | automatische rückantwort |
automatische abwesenheitsnotiz | autoantwort | auto-antwort | réponse automatique | reponse auto |
message automatique d'absence | message d'absence | notification d'absence | avis d'absence | réponse d'absence |
absence du bureau | respuesta automática | autorespuesta | contestación automática | mensaje de ausencia |
aviso de ausencia | risposta automatica | messaggio di assenza | resposta automática | mensagem de ausência |
aviso de ausência | automatisch antwoord | automatische beantwoording | automatische reactie |
afwezigheidsbericht | afwezigheidsmelding | autosvar | automatiskt svar | automatisk svar | frånvaromeddelande |
fraværsmelding | fraværsmeddelelse | fraværsbesked | automaattinen vastaus | poissaoloviesti | automaatvastus |
automatyczna odpowiedź | odpowiedź automatyczna | autoodpowiedź | automatická odpověď | automatická odpoveď |
odpověď v nepřítomnosti | automatikus válasz | răspuns automat | automatski odgovor | samodejni odgovor |
automatinis atsakymas | automātiska atbilde | автоматический ответ | автоответ | автоматична відповідь |
автовідповідь | автоматичен отговор | otomatik yanıt | otomatik cevap | αυτόματη απάντηση | תשובה אוטומטית |
מענה אוטומטי | الرد التلقائي | رد تلقائي | 自動返信 | 自動応答 | 自動回答 | 不在通知 | 不在のお知らせ | 不在連絡 |
自动答复 | 自动回复 | 自動回覆 | 自動答覆 | 자동 회신 | 자동 응답 | 자동회신 | 자동응답 | 부재중 메시지 |
부재중 알림 | trả lời tự động | balasan otomatis | jawapan automatik | ตอบกลับอัตโนมัติ
""")

# Absence in the subject: a person may report about it ("Out of office: sync is broken"), so the text must tell of it
# too.
ABSENCE_SUBJECTS = _table("""
out of office | out-of-office | out of the office | ooo | oof | away | away from | away from my desk |
away from my mail | away from my email | away from the office | away from office | on vacation | vacation |
on leave | on holiday | annual leave | maternity leave | parental leave | sick leave | absence | i am away |
i'm away | i am out | i'm out | i am on | currently out | currently away | abwesenheit | abwesend | außer haus |
nicht im büro | im urlaub | urlaub | absent | hors du bureau | en congé | congés | fuera de la oficina |
fuera de oficina | ausente | ausencia | de vacaciones | vacaciones | fuori sede | fuori ufficio | assente |
assenza | in ferie | ferie | fora do escritório | ausência | ausência temporária | de férias | férias | afwezig |
afwezigheid | niet aanwezig | niet op kantoor | buiten kantoor | met vakantie | vakantie | frånvaro | ej på kontoret |
inte på kontoret | semester | fravær | ikke på kontoret | ikke til stede | poissa | lomalla | poissaolo |
poza biurem | nieobecność | nieobecny | nieobecna | urlop | mimo kancelář | mimo kancelárie | nepřítomnost |
dovolená | házon kívül | szabadság | szabadságon | absent din birou | concediu | нет на работе | вне офиса |
отсутствие | отсутствую | в отпуске | отпуск | ofis dışında | ofis dışı | izin | izindeyim | εκτός γραφείου |
מחוץ למשרד | خارج المكتب | 不在 | 外出 | 休暇 | 出張 | 休假 | 出差 | 不在办公室 | 부재중 | 부재 중 | 휴가
""")

# How a person's program tells of the person's absence: the beginning of a sentence.
ABSENCE_STATEMENTS = _table("""
i am out of | i'm out of | i am currently | i'm currently | i am away | i'm away | i am on | i'm on |
i am not in the | i'm not in the | i am travel | i'm travel | i am not available | i will be out |
i will be away | i will be travel | i will be on | i will not be | i'll be out | i'll be away | i'll be on |
i am no longer | thank you for your e | thank you for your m | thank you for contacting | thanks for your e |
thanks for your m | thank you for reaching | out of office | out of the office | currently out of | on vacation |
on annual leave | on leave | please note that i am | during my absence | in my absence | ich bin |
ich befinde mich | bin bis | wir sind | vielen dank für ihre | vielen dank für deine | danke für ihre |
danke für deine | leider bin ich | derzeit bin ich | zur zeit bin ich | zurzeit bin ich | aktuell bin ich |
momentan bin ich | ab dem | bis zum | vom | je suis | je serai | merci pour votre | merci de votre |
actuellement absent | absent du | absente du | absent jusqu | en congé | en conge | estoy | estaré |
me encuentro | actualmente estoy | gracias por su | gracias por tu | gracias por contactar | fuera de la oficina |
sono | sarò | attualmente sono | grazie per il | grazie per la | grazie per aver | in ferie | al momento sono |
estou | estarei | encontro-me | obrigado pel | obrigada pel | agradecemos | de momento estou | no momento estou |
atualmente estou | ik ben | ik zit | momenteel ben ik | bedankt voor | dank voor uw | dank je voor |
wegens vakantie | jag är | jag ar | tack för ditt | tack for ditt | jag har semester | jeg er | jeg har ferie |
tak for din | takk for din | jeg holder ferie | takk for e-post | olen | kiitos viestist | lomalla | jestem |
obecnie jestem | przebywam | dziękuję za | nie ma mnie | w dniach | jsem | momentálně jsem | momentálne som |
som | děkuji za | ďakujem za | dobrý den, jsem | nejsem | jelenleg | nem vagyok | szabadságon | köszönöm |
házon kívül | sunt | nu sunt | în prezent | mulțumesc pentru | я | в настоящее время | нахожусь | спасибо за |
благодар | меня нет | буду | я у | наразі | дякую за | зараз я | ofiste | yıllık izin | izin | şu anda |
e-postanız için | mesajınız için | είμαι | βρίσκομαι | απουσιάζω | ευχαριστώ | ευχαριστούμε | אני | תודה | אינני |
أنا | شكرا | أكون | ただいま | 只今 | 現在 | 本日 | お問い合わせ | メールをいただき | メールを頂き | ご連絡 |
誠に | 不在 | 休暇 | 出張 | 夏季休業 | 年末年始 | 我现在 | 我目前 | 我正在 | 我在 | 您好，我 | 本人 | 感谢您 |
谢谢您 | 已收到 | 我將 | 感謝您 | 현재 | 지금 | 부재 | 휴가 | 안녕하세요 저는 | 메일을 보내 | 저는
""")

# What a program says of the mail that it writes: the beginning of a sentence.
AUTO_STATEMENTS = _table("""
this is an automatic | this is an automated | this is an auto-generated | this is an auto-reply |
this is an autoreply | this is an auto reply | this is a automated | this is an out of office |
this is an out-of-office | this email is automatic | this e-mail is automatic | this message is automatic |
this message was automatically | this message has been automatically | this email was automatically |
this e-mail was automatically | this email has been automatically | this e-mail has been automatically |
this mail was automatically | this message was generated automatically | this email was generated automatically |
this is a system generated | this is a system-generated | this reply was automatically | automatic reply |
automatic response | automated response | automated reply | auto-reply | autoreply | auto reply |
please do not reply to this | do not reply to this | please do not respond to this | dies ist eine automatisch |
dies ist ein automatisch | diese e-mail wurde automatisch | diese nachricht wurde automatisch |
diese mail wurde automatisch | automatische antwort | automatische eingangsbestätigung |
bitte antworten sie nicht auf diese | bitte nicht auf diese | ceci est une réponse automatique |
ceci est un message automatique | ceci est un mail automatique | cet e-mail est automatique |
réponse automatique | message automatique | merci de ne pas répondre | ce message est automatique |
ce message a été généré automatiquement | este es un mensaje automático | esta es una respuesta automática |
este es un correo automático | respuesta automática | mensaje automático | por favor no responda |
questo è un messaggio automatico | questa è una risposta automatica | risposta automatica | messaggio automatico |
si prega di non rispondere | esta é uma mensagem automática | esta é uma resposta automática |
resposta automática | mensagem automática | por favor não responda | dit is een automatisch |
deze e-mail is automatisch | dit bericht is automatisch | automatisch antwoord | automatisch bericht |
detta är ett automatiskt | det här är ett automatiskt | automatiskt svar | autosvar | dette er et automatisk |
dette er en automatisk | automatisk svar | tämä on automaattinen | automaattinen vastaus | to jest automatyczna |
ta wiadomość została wygenerowana automatycznie | automatyczna odpowiedź | toto je automatick |
tato zpráva byla automaticky | automatická odpověď | ez egy automatikus | automatikus válasz |
acesta este un răspuns automat | răspuns automat | это автоматическ | это письмо создано автоматически |
данное письмо сформировано автоматически | автоматический ответ | автоответ | це автоматичн | bu otomatik |
bu e-posta otomatik | bu mesaj otomatik | otomatik yanıt | otomatik cevap | αυτή είναι μια αυτόματη |
αυτόματη απάντηση | これは自動 | このメールは自動 | 本メールは自動 | このメッセージは自動 | ※このメールは自動 |
※本メールは自動 | 自動返信 | 自動応答 | 自動送信 | 这是自动 | 这是一封自动 | 此邮件为自动 | 此邮件由系统自动 |
本邮件为系统自动 | 自动回复 | 自动答复 | 這是自動 | 此為自動 | 自動回覆 | 이 메일은 자동 | 이 메시지는 자동 |
본 메일은 자동 | 자동 회신 | 자동 응답
""")

# Why a mail came back, in a report without a code that tells: the address is dead, ...
UNKNOWN_TEXTS = _table("""
user unknown | unknown user | unknown local | unknown recipient | unknown address | unknown or illegal alias |
no such user | no such recipient | no such mailbox | no such account | no such address | no such person |
no such domain | no such host | no mailbox | no account | no user | not a valid | not a known user |
not listed in | not our customer | not known here | not found | not exist | n't exist | n't have a | no longer |
recipient unknown | address unknown | account unknown | mailbox unknown | host unknown | unknown host |
domain unknown | unknown domain | invalid recipient | invalid mailbox | invalid address | invalid user |
invalid final delivery userid | bad destination mailbox | bad address | bad recipient | unrouteable address |
unroutable address | unknown mailbox | unknown account | couldn't find any host | could not find any host |
user is unknown | mailbox unavailable | is not known | has moved | moved to | inactive user | not recognized |
undeliverable address | empfanger unbekannt | unbekannter empfanger | benutzer unbekannt | existiert nicht |
nicht gefunden | utilisateur inconnu | destinataire inconnu | adresse inconnue | n'existe pas | no existe |
desconocido | sconosciuto | non esiste | nao existe | desconhecido | bestaat niet | onbekende gebruiker |
okand mottagare | finns inte | nie istnieje | neexistuje | не существует | не наиден | нет такого | неизвестныи |
存在しません | 存在しない | 見つかりません | ありません | 宛先不明 | 不存在 | 无此用户 | 找不到 | 존재하지 않
""")
# ... or alive and full (whatever code stands beside it), ...
FULL_TEXTS = _table("""
quota | exceeded storage | out of storage | mailbox full | mailbox is full | mail box full | full mailbox | 容量 |
一杯 | いっぱい | 已满 | 已滿
""")
# ... or it is the mail, or our host, that was not wanted (what comes after RCPT TO is about the mail, not about the
# address), ...
CONTENT_TEXTS = _table("""
end of data | data command | reply to data | >>> data | smtp command data | too large | too big | size limit |
message length | spam | virus | blocked | blacklist | blocklist | block list | reputation | relay | dmarc | spf | dkim |
unauthenticated | not authenticated | ptr | reverse dns | policy | content | sender | 拒否
""")
# ... or something else stood in the way.
OTHER_CAUSES = _table("""
insufficient | exceeds | greylist | try again | temporar | timed out | timeout | connection refused | expired |
too many | rate limit | loop | disabled | suspended | locked | frozen | not allowed | denied | not accepting | 容量 |
一杯
""")

# How a program tells of a reaction to a mail: the end of its one sentence (C11). The English is as Outlook and Gmail
# write it; the others are how Outlook's translations should read, and cost nothing where they are not so.
REACTIONS = _table("""
reacted to your message | reacted via gmail | hat auf ihre nachricht reagiert | hat auf deine nachricht reagiert |
a réagi à votre message | ha reaccionado a su mensaje | ha reaccionado a tu mensaje | reaccionó a su mensaje |
ha reagito al tuo messaggio | ha reagito al messaggio | reagiu à sua mensagem | reagiu à tua mensagem
""")
