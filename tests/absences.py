"""Out-of-office answers as people write them, (subject, text), by language; words of our own.

`{}` stands for the subject of the mail that is answered, where the program repeats it.
"""

from __future__ import annotations

ABSENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "English": (
        ("Automatic reply: {}", "I am out of the office until Monday, May 3."),
        ("Out of office: {}", "I'm away from my desk and will answer when I return."),
        ("Out of Office AutoReply: {}", "I am on annual leave with limited access to my mail."),
        ("Away from the office", "I am currently away. For urgent matters call the front desk."),
    ),
    "German": (
        ("Automatische Antwort: {}", "Ich bin bis zum 3. Mai nicht im Büro."),
        ("Abwesenheitsnotiz: {}", "Ich bin im Urlaub und lese meine Mails erst am Montag."),
        ("Abwesend: {}", "Ich bin derzeit nicht im Haus."),
    ),
    "French": (
        ("Réponse automatique : {}", "Je suis absent du bureau jusqu'au 3 mai."),
        ("Absence du bureau : {}", "Je serai de retour lundi."),
        ("Absent : {}", "Je suis en congé jusqu'au 3 mai."),
    ),
    "Spanish": (
        ("Respuesta automática: {}", "Estoy fuera de la oficina hasta el lunes."),
        ("Fuera de la oficina: {}", "Estaré de vuelta el 3 de mayo."),
        ("Ausente: {}", "Estoy de vacaciones hasta el lunes."),
    ),
    "Italian": (
        ("Risposta automatica: {}", "Sono fuori ufficio fino al 3 maggio."),
        ("Fuori ufficio: {}", "Sono in ferie e torno lunedì."),
        ("In ferie", "Sono in ferie fino al 3 maggio."),
    ),
    "Portuguese": (
        ("Resposta automática: {}", "Estou de férias até segunda-feira."),
        ("Fora do escritório: {}", "Estarei ausente até segunda-feira."),
        ("Ausência temporária", "Estou fora do escritório até 3 de maio."),
    ),
    "Dutch": (
        ("Automatisch antwoord: {}", "Ik ben niet op kantoor tot maandag."),
        ("Afwezig: {}", "Ik ben met vakantie."),
        ("Niet aanwezig", "Ik ben afwezig tot 3 mei."),
    ),
    "Swedish": (
        ("Autosvar: {}", "Jag är på semester till den 3 maj."),
        ("Frånvaro: {}", "Jag är inte på kontoret."),
        ("Automatiskt svar: {}", "Jag är tillbaka på måndag."),
    ),
    "Danish and Norwegian": (
        ("Automatisk svar: {}", "Jeg er ikke på kontoret før mandag."),
        ("Fravær: {}", "Jeg har ferie."),
        ("Autosvar: {}", "Jeg er på ferie til den 3. mai."),
    ),
    "Finnish": (
        ("Automaattinen vastaus: {}", "Olen lomalla maanantaihin asti."),
        ("Poissa: {}", "Olen poissa toimistosta."),
        ("Lomalla", "Olen lomalla 3. toukokuuta asti."),
    ),
    "Polish": (
        ("Automatyczna odpowiedź: {}", "Jestem na urlopie do poniedziałku."),
        ("Nieobecność: {}", "Jestem nieobecny do 3 maja."),
        ("Poza biurem: {}", "Jestem poza biurem."),
    ),
    "Czech": (
        ("Automatická odpověď: {}", "Jsem mimo kancelář do pondělí."),
        ("Mimo kancelář: {}", "Jsem na dovolené."),
    ),
    "Russian": (
        ("Автоматический ответ: {}", "Я в отпуске до понедельника."),
        ("В отпуске: {}", "Я в отпуске до 3 мая."),
    ),
    "Turkish": (("Otomatik yanıt: {}", "Pazartesiye kadar izindeyim."),),
    "Japanese": (
        ("自動返信: {}", "5月3日まで不在にしております。"),
        ("不在: {}", "ただいま不在にしております。"),
    ),
    "Chinese": (
        ("自动答复: {}", "我正在休假,周一回来。"),
        ("自動回覆: {}", "我正在休假。"),
    ),
    "Korean": (("자동 회신: {}", "5월 3일까지 휴가 중입니다."),),
    "Hungarian": (("Automatikus válasz: {}", "Szabadságon vagyok hétfőig."),),
    "Greek": (("Αυτόματη απάντηση: {}", "Είμαι εκτός γραφείου έως τη Δευτέρα."),),
}
