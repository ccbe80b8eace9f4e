"""What mail programs write around a quote, in the languages they speak: every form is known."""

from __future__ import annotations

import itertools
import textwrap

import pytest

from triagemail.mail.quoting import Kind, new_text, split

INTROS = """\
On Mon, May 3, 2021 at 10:00 AM Bob Roe <bob@acme.example> wrote:
On Mon, 3 May 2021 at 10:00, Bob Roe <bob@acme.example> wrote:
On 3 May 2021, at 10:00, Bob Roe <bob@acme.example> wrote:
On 03.05.21 10:00, Bob Roe wrote:
On 5/3/2021 10:00 AM, Bob Roe wrote:
On 2021-05-03 10:00, Bob Roe wrote:
On Monday, May 3, 2021, 10:00:00 AM GMT+2, Bob Roe <bob@acme.example> wrote:
On May 3, 2021, 10:00 AM +0200, Bob Roe <bob@acme.example>, wrote:
On Monday, May 3rd, 2021 at 10:00 AM, Bob Roe <bob@acme.example> wrote:
On Mon, May 03, 2021 at 10:00:00AM +0200, Bob Roe wrote:
At 2021-05-03 10:00:00, "Bob Roe" <bob@acme.example> wrote:
---- On Mon, 03 May 2021 10:00:00 +0200 Bob Roe <bob@acme.example> wrote ----
--- On Mon, 5/3/10, Bob Roe <bob@acme.example> wrote:
Le lun. 3 mai 2021 à 10:00, Bob Roe <bob@acme.example> a écrit :
Le 03/05/2021 à 10:00, Bob Roe a écrit :
Le 3 mai 2021 à 10:00, Bob Roe <bob@acme.example> a écrit :
Bob Roe <bob@acme.example> a écrit le 3 mai 2021 à 10:00 :
Am Mo., 3. Mai 2021 um 10:00 Uhr schrieb Bob Roe <bob@acme.example>:
Am 03.05.2021 um 10:00 schrieb Bob Roe:
Am 03.05.21 um 10:00 schrieb Bob Roe:
Bob Roe <bob@acme.example> schrieb am Mo., 3. Mai 2021, 10:00:
Bob Roe schrieb am 03.05.2021 um 10:00:
El lun, 3 may 2021 a las 10:00, Bob Roe (<bob@acme.example>) escribió:
El 03/05/2021 a las 10:00, Bob Roe escribió:
Il giorno lun 3 mag 2021 alle ore 10:00 Bob Roe <bob@acme.example> ha scritto:
Il 03/05/2021 10:00, Bob Roe ha scritto:
Il lun 3 mag 2021, 10:00 Bob Roe <bob@acme.example> ha scritto:
Em seg., 3 de mai. de 2021 às 10:00, Bob Roe <bob@acme.example> escreveu:
Em 03/05/2021 10:00, Bob Roe escreveu:
A segunda, 3/05/2021, 10:00, Bob Roe <bob@acme.example> escreveu:
Op ma 3 mei 2021 om 10:00 schreef Bob Roe <bob@acme.example>:
Op 03-05-2021 om 10:00 schreef Bob Roe:
Op 3 mei 2021 om 10:00 heeft Bob Roe <bob@acme.example> het volgende geschreven:
pon., 3 maj 2021 o 10:00 Bob Roe <bob@acme.example> napisał(a):
W dniu 03.05.2021 o 10:00, Bob Roe pisze:
Wiadomość napisana przez Bob Roe <bob@acme.example> w dniu 03.05.2021, o godz. 10:00:
Den mån 3 maj 2021 kl 10:00 skrev Bob Roe <bob@acme.example>:
Den 2021-05-03 kl. 10:00, skrev Bob Roe:
3 maj 2021 kl. 10:00 skrev Bob Roe <bob@acme.example>:
Den man. 3. maj 2021 kl. 10.00 skrev Bob Roe <bob@acme.example>:
man. 3. mai 2021 kl. 10:00 skrev Bob Roe <bob@acme.example>:
Den 03.05.2021 10:00, skrev Bob Roe:
ma 3. toukok. 2021 klo 10.00 Bob Roe (bob@acme.example) kirjoitti:
Bob Roe kirjoitti 3.5.2021 klo 10.00:
po 3. 5. 2021 v 10:00 odesílatel Bob Roe <bob@acme.example> napsal:
Dne 03. 05. 21 v 10:00 Bob Roe napsal(a):
po 3. 5. 2021 o 10:00 Bob Roe <bob@acme.example> napísal(a):
Dňa 3. 5. 2021 o 10:00 Bob Roe napísal(a):
Bob Roe <bob@acme.example> ezt írta (időpont: 2021. máj. 3., H, 10:00):
2021. 05. 03. 10:00 keltezéssel, Bob Roe írta:
În lun., 3 mai 2021 la 10:00, Bob Roe <bob@acme.example> a scris:
Pe 3 mai 2021, la 10:00, Bob Roe <bob@acme.example> a scris:
пн, 3 мая 2021 г. в 10:00, Bob Roe <bob@acme.example>:
03.05.2021 10:00, Bob Roe пишет:
3 мая 2021 г., в 10:00, Bob Roe <bob@acme.example> написал(а):
Понедельник, 3 мая 2021, 10:00 +03:00 от Bob Roe <bob@acme.example>:
03.05.2021, 10:00, "Bob Roe" <bob@acme.example>:
пн, 3 трав. 2021 р. о 10:00 Bob Roe <bob@acme.example> пише:
На пн, 3.05.2021 г. в 10:00 Bob Roe <bob@acme.example> написа:
Στις Δευ, 3 Μαΐ 2021 στις 10:00 π.μ., ο χρήστης Bob Roe <bob@acme.example> έγραψε:
Στις 3/5/2021 10:00, ο Bob Roe έγραψε:
Bob Roe <bob@acme.example>, 3 May 2021 Pzt, 10:00 tarihinde şunu yazdı:
3.05.2021 10:00 tarihinde Bob Roe yazdı:
\u202bבתאריך יום ב׳, 3 במאי 2021 ב-10:00 מאת \u202aBob Roe\u202c\u200f <\u202abob@acme.example\u202c\u200f>:\u202c
ב-3 במאי 2021, בשעה 10:00, \u200fBob Roe <bob@acme.example> כתב/ה:
في الاثنين، ٣ مايو ٢٠٢١ في ١٠:٠٠ ص تمت كتابة ما يلي بواسطة \u202aBob\u202c <\u202abob@acme.example\u202c\u200f>:
في ٣ مايو ٢٠٢١، الساعة ١٠:٠٠ ص، كتب Bob Roe <bob@acme.example>:
Bob Roe <bob@acme.example> 于2021年5月3日周一 10:00写道：
在 2021年5月3日，上午10:00，Bob Roe <bob@acme.example> 写道：
在 2021/5/3 10:00, Bob Roe 写道:
Bob Roe <bob@acme.example> 於 2021年5月3日 週一 上午10:00寫道：
2021年5月3日(月) 10:00 Bob Roe <bob@acme.example>:
2021/05/03 10:00、Bob Roe <bob@acme.example>のメール:
2021年5月3日(月) 10:00、Bob Roeさんは書きました:
2021년 5월 3일 (월) 오전 10:00, Bob Roe <bob@acme.example>님이 작성:
2021. 5. 3. 오전 10:00, Bob Roe <bob@acme.example> 작성:
Vào Th 2, 3 thg 5, 2021 vào lúc 10:00 Bob Roe <bob@acme.example> đã viết:
Pada tanggal Sen, 3 Mei 2021 pukul 10.00 Bob Roe <bob@acme.example> menulis:
Pada 3 Mei 2021 10:00, Bob Roe menulis:
2021-05-03 10:00 GMT+02:00 Bob Roe <bob@acme.example>:
Quoting Bob Roe <bob@acme.example>:
Zitat von Bob Roe <bob@acme.example>:
Bob Roe <bob@acme.example> writes:
Bob Roe <bob@acme.example> wrote:
* Bob Roe <bob@acme.example> [2021-05-03 10:00]:
Bob Roe <bob@acme.example> [210503 10:00]:
-----Bob Roe <bob@acme.example> wrote: -----
pe 20. lokakuuta 2017 klo 17.50 John Coe <s@acme.example> kirjoitti:
सोम, 3 मई 2021 को 10:00 am बजे को Bob Roe <bob@acme.example> ने लिखा:
เมื่อ จ. 3 พ.ค. 2021 เวลา 10:00 Bob Roe <bob@acme.example> เขียนว่า:
El dl., 3 de maig 2021 a les 10:00, Bob Roe (<bob@acme.example>) va escriure:
Dana pon, 3. svi 2021. u 10:00 Bob Roe <bob@acme.example> je napisao/la:
V pon., 3. maj 2021 ob 10:00 je oseba Bob Roe <bob@acme.example> napisala:
Kuupäev: E, 3. mai 2021 kell 10:00 Bob Roe <bob@acme.example> kirjutas:
2021-05-03, pr, 10:00 Bob Roe <bob@acme.example> rašė:
On 3 May 21, at 10:00, Bob Roe wrote:
Am Mo., 3. Mai 21 um 10:00 Uhr schrieb Bob Roe:
Le 3 mai '21 à 10:00, Bob Roe a écrit :
"""


@pytest.mark.parametrize("intro", INTROS.strip().split("\n"))
def test_an_intro_is_known_in_every_language_however_wrapped(intro: str) -> None:
    """libraries.md 3: what follows `On ... wrote:` is not the person's, with quote prefixes and without."""
    for wrap, old in itertools.product((999, 72, 50), ("> Old text\n>\n> agree", "Old text\n\nagree")):
        wrapped = "\n".join(textwrap.wrap(intro, wrap, break_long_words=False, break_on_hyphens=False))
        text = f"Yes, it is.\nThanks, Ann\n\n{wrapped}\n\n{old}\n"
        assert new_text(split(text)) == "Yes, it is.\nThanks, Ann", text


BLOCKS = [
    "From|Sent|To|Subject",
    "Von|Gesendet|An|Betreff",
    "Von|Datum|An|Betreff",
    "De|Envoyé|À|Objet",
    "De|Date|À|Objet",
    "De|Enviado|Para|Asunto",
    "De|Fecha|Para|Asunto",
    "Da|Inviato|A|Oggetto",
    "Da|Data|A|Oggetto",
    "De|Enviado|Para|Assunto",
    "De|Data|Para|Assunto",
    "Van|Verzonden|Aan|Onderwerp",
    "Van|Datum|Aan|Onderwerp",
    "Od|Wysłano|Do|Temat",
    "Od|Data|Do|Temat",
    "Från|Skickat|Till|Ämne",
    "Från|Datum|Till|Ämne",
    "Fra|Sendt|Til|Emne",
    "Fra|Dato|Til|Emne",
    "Lähettäjä|Lähetetty|Vastaanottaja|Aihe",
    "Lähettäjä|Päivämäärä|Vastaanottaja|Aihe",
    "Od|Odesláno|Komu|Předmět",
    "Od|Datum|Komu|Předmět",
    "Od|Odoslané|Komu|Predmet",
    "Feladó|Elküldve|Címzett|Tárgy",
    "Feladó|Dátum|Címzett|Tárgy",
    "De la|Trimis|Către|Subiect",
    "De la|Data|Către|Subiect",
    "От|Отправлено|Кому|Тема",
    "От|Дата|Кому|Тема",
    "От кого|Дата|Кому|Тема",
    "Від|Надіслано|Кому|Тема",
    "Від|Дата|Кому|Тема",
    "От|Изпратено|До|Относно",
    "От|Дата|До|Относно",
    "Από|Στάλθηκε|Προς|Θέμα",
    "Από|Ημερομηνία|Προς|Θέμα",
    "Kimden|Gönderildi|Kime|Konu",
    "Gönderen|Tarih|Alıcı|Konu",
    "Kimden|Gönderilme Tarihi|Kime|Konu",
    "מאת|נשלח|אל|נושא",
    "מאת|תאריך|אל|נושא",
    "من|تم الإرسال|إلى|الموضوع",
    "من|التاريخ|إلى|الموضوع",
    "من|تاريخ الإرسال|إلى|الموضوع",
    "发件人|发送时间|收件人|主题",
    "寄件者|寄件日期|收件者|主旨",
    "发件人|日期|收件人|主题",
    "差出人|送信日時|宛先|件名",
    "送信元|日時|宛先|件名",
    "보낸 사람|보낸 날짜|받는 사람|제목",
    "보낸사람|날짜|받는사람|제목",
    "Từ|Đã gửi|Đến|Chủ đề",
    "Từ|Ngày|Đến|Chủ đề",
    "Dari|Dikirim|Kepada|Subjek",
    "Dari|Tanggal|Kepada|Perihal",
    "De|Enviat|Per a|Assumpte",
    "Šalje|Poslano|Prima|Predmet",
    "Od|Poslano|Za|Zadeva",
    "Saatja|Saadetud|Adressaat|Teema",
    "Nuo|Išsiųsta|Kam|Tema",
    "จาก|ส่ง|ถึง|เรื่อง",
]


@pytest.mark.parametrize("labels", BLOCKS)
def test_a_header_block_is_known_in_every_language(labels: str) -> None:
    """libraries.md 3: Outlook quotes below a block of header fields, without a mark on any line."""
    values = (
        "Bob Roe <bob@acme.example>",
        "Monday, May 3, 2027 10:00 AM",
        "Ann Lee <ann@acme.example>",
        "Re: Shop down",
    )
    for style, rule in itertools.product(
        ("{}: {}", "*{}:* {}", "**{}:** {}", "{} : {}", "  {}:\t{}"), ("", "_" * 32, "-----")
    ):
        block = "\n".join(style.format(label, value) for label, value in zip(labels.split("|"), values, strict=True))
        text = f"Yes.\n\nAnn\n\n{rule}\n{block}\n\nOld text\nagree"
        assert new_text(split(text)) == "Yes.\n\nAnn", text


TITLES = [
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "-----Message d'origine-----",
    "-----Message d’origine-----",
    "-----Mensaje original-----",
    "-----Messaggio originale-----",
    "-----Mensagem original-----",
    "-----Mensagem Original-----",
    "-----Oorspronkelijk bericht-----",
    "-----Wiadomość oryginalna-----",
    "-----Original Message-----",
    "-----Ursprungligt meddelande-----",
    "-----Oprindelig meddelelse-----",
    "-----Opprinnelig melding-----",
    "-----Alkuperäinen viesti-----",
    "-----Původní zpráva-----",
    "-----Pôvodná správa-----",
    "-----Eredeti üzenet-----",
    "-----Mesaj original-----",
    "-----Исходное сообщение-----",
    "-----Початкове повідомлення-----",
    "-----Оригинално съобщение-----",
    "-----Αρχικό μήνυμα-----",
    "-----Özgün İleti-----",
    "-----הודעה מקורית-----",
    "-----الرسالة الأصلية-----",
    "-----原始邮件-----",
    "-----原始郵件-----",
    "-----元のメッセージ-----",
    "-----원본 메시지-----",
    "-----Thư gốc-----",
    "-----Pesan Asli-----",
    "-------- Original Message --------",
    "-------- Original-Nachricht --------",
    "-------- Ursprüngliche Nachricht --------",
    "-------- Message original --------",
    "-------- Messaggio Originale --------",
    "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐",
    "------------------ 原始邮件 ------------------",
    "------------------ Original ------------------",
    "*-----Original Message-----*",
]


@pytest.mark.parametrize("title", TITLES)
def test_a_title_line_is_known_in_every_language(title: str) -> None:
    """libraries.md 3: `-----Original Message-----` and what follows is not the person's."""
    assert new_text(split(f"Yes.\n\n{title}\nOld text\nagree")) == "Yes."


FORWARDS = [
    "---------- Forwarded message ---------",
    "---------- Forwarded message ----------",
    "-------- Forwarded Message --------",
    "Begin forwarded message:",
    "---------- Weitergeleitete Nachricht ---------",
    "-------- Weitergeleitete Nachricht --------",
    "Anfang der weitergeleiteten Nachricht:",
    "---------- Message transféré ---------",
    "-------- Message transféré --------",
    "Début du message transféré :",
    "Début du message réexpédié :",
    "Inicio del mensaje reenviado:",
    "---------- Mensaje reenviado ---------",
    "Inizio messaggio inoltrato:",
    "---------- Messaggio inoltrato ---------",
    "Início da mensagem reencaminhada:",
    "---------- Mensagem encaminhada ---------",
    "Begin doorgestuurd bericht:",
    "---------- Doorgestuurd bericht ---------",
    "---------- Wiadomość przekazana ---------",
    "-------- Przekazana wiadomość --------",
    "Początek przekazywanej wiadomości:",
    "---------- Vidarebefordrat meddelande ---------",
    "Vidarebefordrat brev:",
    "---------- Videresendt besked ---------",
    "Start på videresendt besked:",
    "---------- Välitetty viesti ---------",
    "Välitetty viesti alkaa:",
    "---------- Přeposlaná zpráva ---------",
    "Začátek přeposílané zprávy:",
    "---------- Továbbított üzenet ---------",
    "---------- Mesaj redirecționat ---------",
    "---------- Пересылаемое сообщение ---------",
    "-------- Перенаправленное сообщение --------",
    "Начало переадресованного сообщения:",
    "---------- Προωθημένο μήνυμα ---------",
    "---------- İletilen mesaj ---------",
    "---------- הודעה מועברת ---------",
    "---------- 转发的邮件 ---------",
    "---------- 転送されたメッセージ ---------",
    "---------- 전달된 메일 ---------",
    "-------- Forwarded by Bob Roe on 03.05.2021 10:00 --------",
    "----- Forwarded by Bob Roe/ACME on 05/03/2021 10:00 AM -----",
]


@pytest.mark.parametrize("title", FORWARDS)
def test_a_forwarded_mail_is_material(title: str) -> None:
    """process.md 2: "A forwarded mail is kept as material ...; no command or priority in it counts"."""
    lines = split(f"FYI\n\n{title}\nFrom: Bob <bob@acme.example>\nDate: May 3\nSubject: x\nTo: Ann\n\nP0\nagree")
    assert [line.text for line in lines if line.kind is Kind.NEW and line.text] == ["FYI"]
    assert {line.kind for line in lines[2:]} == {Kind.FORWARDED}
    assert new_text(lines).endswith("agree"), "what was passed on is kept"


SENT = [
    "Von meinem iPhone gesendet",
    "Envoyé de mon iPhone",
    "Inviato da iPhone",
    "Enviado do meu iPhone",
    "Enviado desde mi iPhone",
    "Verstuurd vanaf mijn iPhone",
    "Wysłane z iPhone'a",
    "Skickat från min iPhone",
    "Sendt fra min iPhone",
    "Lähetetty iPhonesta",
    "Odesláno z iPhonu",
    "Odoslané z iPhonu",
    "Az én iPhone-omról küldve",
    "Trimis de pe iPhone-ul meu",
    "Отправлено с iPhone",
    "Надіслано з iPhone",
    "Изпратено от моя iPhone",
    "Στάλθηκε από το iPhone μου",
    "iPhone’umdan gönderildi",
    "נשלח מה-iPhone שלי",
    "أُرسلت من الـ iPhone",
    "发自我的 iPhone",
    "從我的 iPhone 傳送",
    "iPhoneから送信",
    "나의 iPhone에서 보냄",
    "Được gửi từ iPhone của tôi",
    "Dikirim dari iPhone saya",
    "Get Outlook for Android<https://aka.ms/x>",
    "Outlook für iOS beziehen",
    "Télécharger Outlook pour iOS",
    "Obtener Outlook para iOS",
    "Scarica Outlook per iOS",
    "Obter o Outlook para iOS",
    "Pobierz aplikację Outlook dla systemu iOS",
    "Hämta Outlook för iOS",
    "Скачать Outlook для iOS",
    "Sent from Yahoo Mail on Android",
    "Sent from Mail<https://go.example/x> for Windows",
    "Sent with Proton Mail secure email.",
    "Sent from my Verizon, Samsung Galaxy smartphone",
    "Sent from a phone, please excuse typos",
    "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
    "Sent from my Android device with K-9 Mail. Please excuse my brevity.",
]


@pytest.mark.parametrize("line", SENT)
def test_the_line_of_a_phone_is_no_word_of_a_person(line: str) -> None:
    """trust.md C10: commands not inside a signature."""
    assert new_text(split(f"Shop down\n\n{line}\n")) == "Shop down"
