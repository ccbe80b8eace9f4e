"""The words by which mail programs mark what they quote, in all languages they are commonly used in.

Everything is case-folded and written without its final colon. Languages: en de fr es it pt nl pl sv da nb fi cs sk
hu ro ru uk bg el tr he ar zh ja ko vi id, and a few more where a program is known to use them. The tables are data:
`quoting_lines.py` and `quoting_intro.py` read them.
"""

from __future__ import annotations

import unicodedata

# fmt: off


def _plain(texts: tuple[str, ...]) -> tuple[str, ...]:
    """As `quoting_lines.clean` leaves a line: a final sigma or a spacing accent would never be found else."""
    return tuple(unicodedata.normalize("NFKC", text).casefold() for text in texts)


# --- "On ... wrote:" -------------------------------------------------------------------------------------------------

# Verbs that end the line, alone ("On ..., Bob wrote:") or before the name ("Op ... schreef Bob:").
WROTE = _plain((
    "wrote", "writes", "sent", "has written", "said", "says", "schrieb", "schreibt", "geschrieben", "hat geschrieben",
    "schrieb folgendes", "folgendes geschrieben", "a écrit", "a ecrit", "écrit", "ecrivait", "écrivait", "écrivit",
    "a envoyé", "escribió", "escribio", "ha escrito", "escribía", "va escriure", "ha escrit", "ha scritto", "scrive",
    "scrisse", "ha inviato", "escreveu", "escreve", "escreveu o seguinte", "schreef", "geschreven",
    "schreef het volgende", "het volgende geschreven", "napisał", "napisała", "napisał(a)", "napisała(a)", "pisze",
    "skrev", "skriver", "skrev följande", "skrev følgende", "kirjoitti", "kirjoittaa", "napsal", "napsala",
    "napsal(a)", "píše", "napísal", "napísala", "napísal(a)", "napisal", "írta", "ezt írta", "ezt írta (időpont",
    "a következőt írta", "a scris", "scris", "написал", "написала", "написал(а)", "пишет", "писал", "писал(а)",
    "писала", "написав", "написала(в)", "написав(ла)", "пише", "написа", "έγραψε", "εγραψε", "έγραψε τα εξής",
    "yazdı", "şunu yazdı", "şunları yazdı", "yazmış", "כתב", "כתבה", "כתב/ה", "كتب", "كتبت", "كتب ما يلي", "写道",
    "寫道", "写到", "的邮件", "のメール", "書きました", "さんは書きました", "작성", "님이 작성", "썼습니다",
    "đã viết", "viết", "menulis", "wrote the following", "đã ghi", "rašė", "parašė", "rakstīja", "kirjutas",
    "pisao je", "je pisao/la", "napisao je", "napisao", "je napisal", "je napisal/-a", "napisao/la je",
    "je napisao/la", "napisala", "je napisala", "пиша", "ने लिखा", "เขียนว่า", "เขียน", "telah menulis", "skrifaði",
    "idatzi du", "escribiu", "sent the following", "ha scritto quanto segue",
))

# Verbs that also stand in the middle, with the name or the date behind them ("Am ... schrieb Bob:").
WROTE_MIDDLE = _plain((
    "schrieb", "schreef", "skrev", "a écrit", "heeft", "napsal", "napsal(a)", "napísal", "napísal(a)", "napisał",
    "napisał(a)", "ezt írta", "írta", "написал", "написала", "написал(а)", "написав", "написа", "пишет",
    "пользователь", "użytkownik", "uživatel", "odesílatel", "kirjoitti", "yazdı", "escribió", "escreveu", "wrote on",
    "wrote at", "wrote the following on", "كتب", "كتبت", "בשעה", "ha scritto", "a scris", "έγραψε", "ο χρήστης",
    "tarihinde",
))

# First words of such a line.
STARTERS = frozenset(
    {
        "on", "at", "le", "el", "il", "em", "op", "am", "den", "på", "pa", "w", "dnia", "dne", "dňa", "vào", "lúc",
        "in", "în", "la", "на", "в", "у", "στις", "την", "το", "בתאריך", "ב", "في", "بتاريخ", "在", "于", "於",
        "pada", "tanggal", "a", "az", "data", "il giorno", "date", "no", "né", "kuupäeval", "dana", "kl", "kell",
        "เมื่อ", "ma", "ke", "ti", "to", "pe", "su", "quoting", "zitat", "citando", "citat", "citeren", "citazione",
        "citation", "dia", "lo", "die", "les", "tarihinde", "вт", "ср", "чт", "пт", "сб", "вс", "пн",
    }
)

QUOTING = _plain((
    "quoting ", "selon ", "wiadomość napisana przez ", "zitat von ", "citando ", "citat ", "citeren ", "citazione ",
    "citation de ", "quoth ", "citando a ",
))

# --- header blocks: label -> kind ------------------------------------------------------------------------------------

_FIELDS = {
    "from": (
        "from", "von", "de", "da", "van", "od", "från", "fra", "lähettäjä", "odesílatel", "odosielateľ", "feladó",
        "от", "от кого", "від", "від кого", "από", "kimden", "gönderen", "מאת", "من", "发件人", "寄件者", "寄件人",
        "發件人", "差出人", "送信者", "送信元", "보낸 사람", "보낸사람", "từ", "người gửi", "dari", "pengirim",
        "expéditeur", "expediteur", "remitente", "mittente", "remetente", "afzender", "nadawca", "avsändare",
        "avsender", "afsender", "absender", "expeditor", "de la", "отправитель", "відправник", "подател",
        "αποστολέας", "saatja", "nuo", "no", "pošiljatelj", "šalje", "จาก", "de l'expéditeur", "sender", "sent by",
        "mail from", "de parte de", "från (from)", "frá", "feladta", "प्रेषक", "phát hành từ",
    ),
    "date": (
        "date", "sent", "sent on", "sent at", "datum", "gesendet", "gesendet am", "envoyé", "envoyé le", "envoyée",
        "enviado", "enviado el", "enviada em", "enviado em", "enviada", "enviado a", "fecha", "inviato", "data",
        "verzonden", "verzonden op", "wysłano", "wysłane", "data wysłania", "skickat", "skickade", "sendt", "dato",
        "lähetetty", "päiväys", "päivämäärä", "pvm", "odesláno", "odoslané", "dátum", "küldve", "elküldve", "trimis",
        "trimis la", "отправлено", "дата", "надіслано", "відправлено", "изпратено", "изпратен", "στάλθηκε",
        "ημερομηνία", "απεστάλη", "gönderildi", "gönderilme tarihi", "tarih", "gönderme tarihi", "נשלח", "נשלחה",
        "תאריך", "تاريخ الإرسال", "أُرسلت", "أرسلت", "التاريخ", "تم الإرسال", "تاريخ", "发送时间", "發送時間", "日期",
        "寄件日期", "发件日期", "发送日期", "日付", "日時", "送信日時", "送信", "보낸 날짜", "날짜", "일시", "đã gửi",
        "ngày", "gửi lúc", "đã gửi vào", "dikirim", "tanggal", "terkirim", "message du", "saadetud", "kuupäev",
        "išsiųsta", "nosūtīts", "poslano", "enviat", "enviat el", "poslato", "วันที่", "ส่ง", "sent date",
        "data enviada", "skickat den", "dne", "dato/tid", "दिनांक", "datums",
    ),
    "to": (
        "to", "an", "à", "a", "para", "aan", "do", "till", "til", "vastaanottaja", "komu", "pre", "címzett", "către",
        "catre", "кому", "до", "προς", "kime", "alıcı", "אל", "לכבוד", "إلى", "الى", "收件人", "收件者", "宛先",
        "받는 사람", "받는사람", "đến", "tới", "người nhận", "kepada", "ke", "untuk", "per", "destinataire",
        "destinatario", "destinatário", "naar", "ontvanger", "mottagare", "mottaker", "modtager", "empfänger",
        "adresat", "odbiorca", "saaja", "primatelj", "prima", "za", "kam", "kellele", "ถึง", "pour", "to whom",
        "प्रति", "destinatari", "per a", "送信先",
    ),
    "cc": (
        "cc", "bcc", "kopie", "kopie (cc)", "copie", "copie à", "cópia", "copia", "kopia", "dw", "udw", "kopi",
        "kopio", "kopija", "másolatot kap", "копия", "копія", "копие", "κοιν", "κοινοποίηση", "bilgi", "העתק", "عبر",
        "نسخة", "نسخة إلى", "抄送", "副本", "副本抄送", "密送", "참조", "숨은 참조", "đồng gửi", "đồng kính gửi",
        "tembusan", "blindkopie", "cci", "cco", "ccn", "ia", "másolat", "în copie", "odp. do", "sh. cc", "สำเนา",
        "kópia", "cópia oculta", "co", "ck", "c.c.",
    ),
    "subject": (
        "subject", "betreff", "objet", "sujet", "asunto", "oggetto", "assunto", "onderwerp", "temat", "ämne", "emne",
        "aihe", "otsikko", "předmět", "predmet", "tárgy", "subiect", "subiectul", "тема", "относно", "θέμα", "konu",
        "נושא", "הנדון", "الموضوع", "موضوع", "主题", "主題", "主旨", "标题", "件名", "제목", "chủ đề", "tiêu đề",
        "subjek", "perihal", "hal", "judul", "teema", "tema", "assumpte", "naslov", "zadeva", "เรื่อง", "subj",
        "betr", "objet du message", "विषय", "efni", "gaia", "asunto/subject",
    ),
    "other": (
        "reply-to", "reply to", "antwort an", "répondre à", "responder a", "rispondi a", "antwoord aan", "svara till",
        "svar til", "importance", "wichtigkeit", "importancia", "importance élevée", "attachments", "attachment",
        "anlagen", "anhänge", "pièces jointes", "pièce jointe", "adjuntos", "archivos adjuntos", "allegati", "anexos",
        "bijlagen", "załączniki", "bilagor", "vedlegg", "vedhæftede filer", "liitteet", "přílohy", "mellékletek",
        "вложения", "organization", "priorität", "message-id", "list-id", "附件", "添付ファイル", "첨부 파일",
        "mailed-by", "signed-by", "newsgroups", "sent by", "flag status", "categories",
    ),
}
FIELDS: dict[str, str] = {}
for _kind, _labels in _FIELDS.items():
    for _label in _plain(_labels):
        FIELDS.setdefault(_label, _kind)

# --- separators ------------------------------------------------------------------------------------------------------

ORIGINAL = frozenset(
    {
        "original message", "original messages", "original", "original email", "original e-mail", "original mail",
        "reply message", "reply", "replied message", "original text", "previous message", "quoted message",
        "message history", "end of original message", "in reply to", "original appointment",
        "ursprüngliche nachricht", "ursprungliche nachricht", "original-nachricht", "originalnachricht",
        "original nachricht", "ursprüngliche mail", "ursprüngliche e-mail", "antwort nachricht", "antwortnachricht",
        "urspr. nachricht", "original-mail", "ursprünglicher termin", "message d'origine", "message d’origine",
        "message d´origine", "message original", "message initial", "message de réponse", "mail original",
        "courriel original", "réponse", "mensaje original", "mensaje de respuesta", "mensaje anterior",
        "mensagem original", "mensagem de resposta", "mensagem anterior", "messaggio originale",
        "messaggio di risposta", "messaggio precedente", "missatge original", "oorspronkelijk bericht",
        "oorspronkelijke bericht", "origineel bericht", "antwoordbericht", "oorspronkelijke afspraak",
        "wiadomość oryginalna", "oryginalna wiadomość", "wiadomość źródłowa", "treść oryginalnej wiadomości",
        "ursprungligt meddelande", "originalmeddelande", "ursprungsmeddelande", "oprindelig meddelelse",
        "oprindelig besked", "oprindelig mail", "oprindelig e-mail", "opprinnelig melding", "original melding",
        "opprinnelig e-post", "alkuperäinen viesti", "alkuperäinen sähköposti", "původní zpráva", "původní e-mail",
        "původní email", "originální zpráva", "pôvodná správa", "pôvodný e-mail", "eredeti üzenet", "eredeti levél",
        "mesaj original", "mesajul original", "mesaj inițial", "mesajul inițial", "исходное сообщение",
        "оригинальное сообщение", "исходное письмо", "первоначальное сообщение", "пересылаемое сообщение от",
        "початкове повідомлення", "оригінальне повідомлення", "вихідне повідомлення", "оригинално съобщение",
        "оригинално писмо", "първоначално съобщение", "αρχικό μήνυμα", "αρχικό μήνυμα ηλεκτρονικού ταχυδρομείου",
        "özgün ileti", "orijinal mesaj", "orijinal ileti", "asıl mesaj", "özgün mesaj", "הודעה מקורית",
        "ההודעה המקורית", "הודעה המקורית", "الرسالة الأصلية", "رسالة أصلية", "原始邮件", "原邮件", "原始郵件",
        "原始郵件訊息", "原始信息", "原始訊息", "回复邮件", "回复的原邮件", "元のメッセージ", "元のメール",
        "オリジナルメッセージ", "원본 메시지", "원본 메일", "원본메시지", "원본 이메일", "thư gốc", "tin nhắn gốc",
        "thông điệp gốc", "email gốc", "pesan asli", "email asli", "pesan awal", "izvirno sporočilo",
        "izvorna poruka", "originalna poruka", "algkiri", "algne sõnum", "originalus pranešimas",
        "sākotnējais ziņojums", "ข้อความต้นฉบับ", "ข้อความเดิม", "मूल संदेश", "upprunaleg skilaboð",
    }
)

# Whole lines, rules at the edges and a colon dropped. What follows one is another person's mail, passed on.
FORWARDED = frozenset(
    {
        "forwarded message", "forwarded messages", "begin forwarded message", "forwarded by", "forwarded mail",
        "forwarded email", "forwarded", "fwd", "forward message", "start of forwarded message", "forwarded letter",
        "forwarded from", "weitergeleitete nachricht", "anfang der weitergeleiteten nachricht",
        "anfang der weitergeleiteten e-mail", "beginn der weitergeleiteten nachricht", "weitergeleitete mail",
        "weitergeleitete e-mail", "weitergeleitet von", "beginn weitergeleitete nachricht", "message transféré",
        "message réexpédié", "début du message réexpédié", "début du message transféré", "message transmis",
        "message renvoyé", "courriel transféré", "mensaje reenviado", "inicio del mensaje reenviado",
        "comienza el mensaje reenviado", "mensaje remitido", "mensagem encaminhada", "mensagem reencaminhada",
        "início da mensagem encaminhada", "início da mensagem reencaminhada", "inicio da mensagem reencaminhada",
        "messaggio inoltrato", "inizio messaggio inoltrato", "inizio del messaggio inoltrato", "messaggio girato",
        "doorgestuurd bericht", "begin doorgestuurd bericht", "doorgezonden bericht",
        "begin van doorgestuurd bericht", "begin van doorgestuurde bericht", "wiadomość przekazana",
        "przekazana wiadomość", "przesłana wiadomość", "wiadomość przesłana", "początek przekazywanej wiadomości",
        "początek przekierowanej wiadomości", "początek przesłanej wiadomości", "vidarebefordrat meddelande",
        "vidarebefordrat brev", "början på vidarebefordrat meddelande", "börja vidarebefordrat meddelande",
        "videresendt meddelelse", "videresendt besked", "start på videresendt besked",
        "start på videresendt meddelelse", "videresendt mail", "videresendt melding",
        "begynnelse på videresendt melding", "videresendt e-post", "begin videresendt melding", "välitetty viesti",
        "välitetty viesti alkaa", "edelleenlähetetty viesti", "välitetyn viestin alku", "edelleen lähetetty viesti",
        "přeposlaná zpráva", "začátek přeposlané zprávy", "přeposlaný e-mail", "začátek přeposílané zprávy",
        "preposlaná správa", "začiatok preposlanej správy", "preposlaný e-mail", "továbbított üzenet",
        "továbbított üzenet kezdete", "továbbított levél", "mesaj redirecționat", "mesaj redirectionat",
        "începutul mesajului redirecționat", "mesaj transmis mai departe", "пересылаемое сообщение",
        "пересланное сообщение", "начало переадресованного сообщения", "начало пересылаемого сообщения",
        "переадресованное сообщение", "перенаправленное сообщение", "пересланное письмо", "переслане повідомлення",
        "переслано", "початок переадресованого повідомлення", "пересланий лист", "пренасочено съобщение",
        "препратено съобщение", "начало на препратено съобщение", "προωθημένο μήνυμα", "έναρξη προωθημένου μηνύματος",
        "αρχή προωθημένου μηνύματος", "iletilen mesaj", "yönlendirilmiş ileti", "iletilmiş mesaj",
        "başlangıç iletilen mesaj", "iletilen ileti", "yönlendirilen ileti", "הודעה שהועברה", "תחילת ההודעה שהועברה",
        "הודעה מועברת", "رسالة معاد توجيهها", "بدء الرسالة المعاد توجيهها", "رسالة معاد إرسالها",
        "رسالة تمت إعادة توجيهها", "بداية الرسالة المعاد توجيهها", "转发的邮件", "转发邮件", "转发邮件信息",
        "轉寄郵件", "轉寄的郵件", "已轉寄的郵件", "以下是转发的邮件", "开始转发的邮件", "開始轉寄郵件",
        "被转发邮件信息", "已转发邮件", "轉寄訊息", "転送されたメッセージ", "転送メッセージ", "転送されたメール",
        "転送", "전달된 메시지", "전달된 메세지", "전달된 메일", "받은 메시지 전달", "thư đã chuyển tiếp",
        "thư được chuyển tiếp", "bắt đầu thư đã chuyển tiếp", "tin nhắn được chuyển tiếp",
        "bắt đầu tin nhắn được chuyển tiếp", "pesan terusan", "pesan yang diteruskan", "mulai pesan terusan",
        "pesan diteruskan", "missatge reenviat", "posredovano sporočilo", "proslijeđena poruka", "edastatud sõnum",
        "persiųstas pranešimas", "pārsūtīta ziņa", "ข้อความที่ส่งต่อ", "अग्रेषित संदेश",
    }
)
# Between rules: what other systems write above their mails.
ABOVE = _plain((
    "above this line", "oberhalb dieser linie", "über dieser linie", "über dieser zeile", "au-dessus de cette ligne",
    "encima de esta línea", "por encima de esta línea", "acima desta linha", "sopra questa linea",
    "sopra questa riga", "boven deze lijn", "boven deze regel", "powyżej tej linii", "ponad tą linią",
    "ovanför denna rad", "over denne linje", "over denne linjen", "tämän rivin yläpuolelle", "nad tuto řádku",
    "nad tímto řádkem", "выше этой линии", "выше этой строки", "bu satırın üstüne", "この行より上", "在此行上方",
    "此行之上", "이 줄 위에",
))
FORWARDED_BY = (
    "forwarded by ", "weitergeleitet von ", "forwarded message from ", "пересылаемое сообщение ", "transféré par ",
)

# --- signatures ------------------------------------------------------------------------------------------------------

# What a phone or a mail program adds under every mail; the rest of the line names it.
SENT_FROM = _plain((
    "sent from", "sent via", "sent with", "sent by", "sent using", "get outlook for", "get yahoo mail",
    "get bluemail", "gesendet von", "gesendet mit", "gesendet über", "von meinem ", "von samsung", "von unterwegs",
    "diese nachricht wurde von meinem", "outlook für", "holen sie sich outlook", "laden sie outlook", "envoyé de ",
    "envoyé depuis", "envoyé à partir", "envoyé avec", "envoyé via", "envoyé par ", "télécharger outlook",
    "téléchargez outlook", "obtenir outlook", "obtenez outlook", "provenance : ", "enviado desde", "enviado con",
    "enviado por", "obtener outlook", "obtén outlook", "descargar outlook", "inviato da", "inviato con",
    "inviato dal", "inviato tramite", "scarica outlook", "ottieni outlook", "enviado do", "enviado da",
    "enviado a partir", "enviado pelo", "enviado via", "enviado com", "enviado de ", "obter o outlook",
    "obter outlook", "baixe o outlook", "verzonden vanaf", "verzonden met", "verzonden vanuit", "verstuurd vanaf",
    "verstuurd met", "verstuurd via", "verzonden via", "outlook voor", "download outlook", "wysłano z", "wysłane z",
    "wysłano przez", "pobierz outlook", "pobierz program outlook", "pobierz aplikację outlook", "skickat från",
    "skickat med", "skickades från", "hämta outlook", "sendt fra", "sendt med", "sendt via", "hent outlook",
    "få outlook", "lähetetty ", "hanki outlook", "lataa outlook", "odesláno z", "odesláno pomocí", "posláno z",
    "získat outlook", "stáhnout outlook", "získejte outlook", "odoslané z", "odoslané pomocou", "poslané z",
    "získajte outlook", "získať outlook", "elküldve ", "küldve ", "az iphone-omról küldve", "az én iphone",
    "outlook beszerzése", "trimis de pe", "trimis din", "trimis de la", "obțineți outlook", "descărcați outlook",
    "отправлено с", "отправлено из", "отправлено от", "отправлено через", "скачать outlook", "получить outlook",
    "надіслано з", "надіслано із", "відправлено з", "отримати outlook", "изпратено от", "изпратено с",
    "вземете outlook", "στάλθηκε από", "εστάλη από", "απεστάλη από", "λήψη του outlook", "αποκτήστε το outlook",
    "iphone'umdan gönderildi", "iphone’umdan gönderildi", "ipad'imden gönderildi", "android için outlook",
    "ios için outlook", "telefonumdan gönderildi", "נשלח מ", "קבל את outlook", "השג את outlook", "أرسلت من",
    "أُرسلت من", "تم الإرسال من", "مرسل من", "أرسل من", "الحصول على outlook", "احصل على outlook", "发自我的",
    "从我的", "發自我的", "從我的", "来自我的", "發送自", "发送自", "获取 outlook", "取得 outlook", "下载 outlook",
    "获取outlook", "iphoneから送信", "ipadから送信", "androidから送信", "私のiphone", "outlook for ios を入手",
    "ios 版 outlook を入手", "android 版 outlook を入手", "나의 iphone에서", "내 iphone에서", "나의 ipad에서",
    "outlook for ios 받기", "android용 outlook", "ios용 outlook", "được gửi từ", "đã gửi từ", "gửi từ", "tải outlook",
    "nhận outlook", "dikirim dari", "terkirim dari", "dikirim melalui", "dapatkan outlook", "unduh outlook",
    "enviat des", "enviado dende", "poslano iz", "poslano s", "saadetud minu", "išsiųsta iš", "nosūtīts no", "ส่งจาก",
    "sent from my",
))
PRODUCTS = _plain((
    "iphone", "ipad", "android", "galaxy", "samsung", "blackberry", "verizon", "outlook", "yahoo", "k-9", "huawei",
    "xiaomi", "nokia", "pixel", "proton", "windows", "gmx", "aol mail", "fairmail", "lg mobile", "motorola", "sony",
    "at&t", "t-mobile", "handy", "zoho", "bluemail", "spark", "mail.ru", "web.de",
))
SENT_FROM_END = _plain((
    "から送信", "에서 보냄", "에서 보낸 메일", "에서 전송", "を入手", "から送付", "’umdan gönderildi",
    "'umdan gönderildi", "gönderildi", "küldve", "を使用して送信",
))

# A paragraph that starts so is nobody's words: disclaimers, and the footers of list servers.
NOTICES = _plain((
    "confidentiality notice", "confidentiality note", "confidentiality:", "disclaimer:", "disclaimer notice",
    "haftungsausschluss:", "legal notice:", "privileged and confidential", "privacy notice", "this email and any ",
    "this e-mail and any ", "this email (including", "this e-mail (including", "this message and any ",
    "this message (including", "this email is confidential", "this e-mail is confidential",
    "this message is confidential", "this email is intended only", "this e-mail is intended only",
    "this message is intended only", "this email message is", "this e-mail message", "this email may contain",
    "this e-mail may contain", "this message may contain", "this message contains confidential",
    "this email contains confidential", "this communication is", "this transmission", "this electronic m",
    "the information contained in this", "the information in this e", "the contents of this e",
    "the content of this e", "information in this email", "if you are not the intended recipient",
    "if you have received this e", "if you have received this message", "please consider the environment",
    "think before you print", "consider the environment before", "save a tree", "please note that this e-mail",
    "this email has been scanned", "this email has been checked", "virus-free", "virenfrei", "sans virus",
    "libre de virus", "this email was scanned", "diese e-mail wurde von avast", "diese e-mail enthält",
    "diese e-mail und", "diese email enthält", "diese nachricht ist vertraulich", "diese nachricht enthält vertraul",
    "der inhalt dieser e-mail", "die information in dieser", "die in dieser e-mail", "vertraulichkeitshinweis",
    "bitte denken sie an die umwelt", "ce message et ", "ce message est confidentiel",
    "ce message contient des informations", "ce courriel ", "ce mail et ", "les informations contenues dans ce",
    "cet e-mail et", "cet e-mail est", "cet email et", "avis de confidentialité", "avertissement :",
    "pensez à l'environnement", "pensez à l’environnement", "avant d'imprimer", "n'imprimez ce", "este mensaje y ",
    "este mensaje puede contener", "este mensaje contiene información", "este correo electrónico ", "este correo y ",
    "la información contenida en este", "aviso de confidencialidad", "aviso legal", "antes de imprimir",
    "le informazioni contenute in", "questo messaggio e ", "questo messaggio è ", "questo messaggio di posta",
    "questa e-mail è", "il presente messaggio", "la presente e-mail", "avviso di riservatezza", "prima di stampare",
    "esta mensagem e ", "esta mensagem pode conter", "esta mensagem é ", "esta mensagem contém", "este e-mail e ",
    "este e-mail é ", "as informações contidas n", "a informação contida nest", "de informatie in dit",
    "de inhoud van dit", "dit bericht is uitsluitend", "dit bericht kan", "dit e-mailbericht", "deze e-mail ",
    "deze email is", "denk aan het milieu", "niniejsza wiadomość", "ta wiadomość jest poufna", "treść tej wiadomości",
    "informacje zawarte w tej", "detta meddelande är", "detta e-postmeddelande", "denne e-mail er",
    "denne e-mail kan", "denne meddelelse er fortrolig", "denne e-posten", "denne meldingen er",
    "tämä viesti on tarkoitettu", "tämä sähköposti", "tato zpráva je", "tato zpráva a", "tento e-mail je",
    "tento e-mail a", "informace obsažené v", "táto správa", "ez az e-mail", "ez az üzenet", "jelen üzenet",
    "acest mesaj și", "acest e-mail este", "acest mesaj este", "настоящее сообщение", "данное сообщение",
    "это сообщение и", "информация, содержащаяся в", "це повідомлення", "това съобщение", "αυτό το μήνυμα",
    "το παρόν μήνυμα", "bu e-posta", "bu mesaj ve", "bu ileti", "הודעה זו", "هذه الرسالة", "本邮件", "本郵件",
    "此邮件", "此郵件", "本メール", "このメールは", "이 메일", "본 메일", "본 이메일", "email này", "thư này",
    "email ini ", "pesan ini ", "you received this message because", "you are receiving this because",
    "you received this email because", "you are receiving this email because", "to unsubscribe",
    "unsubscribe from this", "to view this discussion", "to post to this group", "reply to this email directly",
    "for more options, visit", "manage your subscription", "this message was sent to", "visit our web site",
    "para cancelar la suscripción", "pour vous désabonner", "pour se désinscrire", "zum abbestellen",
    "um sich abzumelden", "sie erhalten diese nachricht", "vous recevez ce message", "recibió este mensaje",
    "hai ricevuto questo messaggio", "você recebeu esta mensagem", "je ontvangt dit bericht",
))
