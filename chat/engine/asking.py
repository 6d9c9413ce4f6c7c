"""Which questions may ask a table for counting, adding, comparing or ranking: by their words. Pure.

Where no word of any language here is found, nothing is computed, and nobody is asked for a plan.
"""

import re

# Per language; in scripts without blanks between words, or with words grown together, anywhere in the text.
_WORDS = [
    r"how many|how much|number of|count|counts|total|totals|sum|average|averages|mean|median|avg|most|least"
    r"|fewest|highest|lowest|maximum|minimum|max|min|largest|smallest|biggest|greatest|earliest|latest|newest|top"
    r"|common|frequent|per|each|by|list|different|distinct|unique|share|percentage|more than|less than",
    r"wie ?viele?|anzahl|summe|gesamt\w*|insgesamt|durchschnitt\w*|mittelwert|höchste\w*|niedrigste\w*"
    r"|größte\w*|kleinste\w*|häufigste\w*|meisten|wenigsten|pro|je",
    r"combien|nombre|somme|moyenne?|médiane|maximal\w*|minimal\w*|(?:le|la|les) (?:plus|moins)",
    r"cu[aá]nt[oa]s?|n[úu]mero de|cantidad|suma|promedio|mediana|m[aá]xim[oa]|m[ií]nim[oa]|mayor|menor",
    r"quant[ioae]|media|somma|totale|massim[oa]|minim[oa]",
    r"quant[oa]s|quantidade|soma|m[ée]di[ao]|m[áa]xim[oa]s?|m[íi]nim[oa]s?|maior(?:es)?|menor(?:es)?",
    r"hoeveel|aantal|som|totaal|gemiddelde?|hoogste|laagste|grootste|kleinste|meeste|minste",
    r"ile|ilu|liczba|średni\w*|łącznie|najwi\w+|najmniej\w*|najwyż\w+|najniż\w+",
    r"hur många|hvor mange|antal\w*|summan|gjennomsnitt\w*|gennemsnit\w*|genomsnitt\w*|högsta|lägsta|højeste"
    r"|høyeste|laveste",
    r"сколько|скільки|количеств\w+|числ[оа]|кількість|сумм\w*|сум[аиу]|итого|всего|усього|средн\w+|середн\w+"
    r"|медиан\w*|максим\w+|миним\w+|мінім\w+|наибольш\w+|наименьш\w+|найбільш\w+|найменш\w+"
    r"|сам(?:ый|ая|ое|ые|ую|ого|ой|ых)|больше всего|чаще всего",
    r"kaç|toplam\w*|ortalama\w*|sayısı|en (?:yüksek|düşük|büyük|küçük|çok|az)",
    r"[وفبكل]{0,2}(?:ال)?(?:كم|عدد|مجموع|[إا]جمالي|متوسط|معدل|[أا]على|[أا]دنى|[أا]كبر|[أا]صغر|[أا]كثر|[أا]قل)",
    r"چند|تعداد|میانگین|بیشترین|کمترین|bao nhiêu|tổng|trung bình|berapa|jumlah|rata-rata|tertinggi|terendah",
]
_ANYWHERE = [
    r"多少|几|幾|总|總|合计|合計|平均|中位数|数量|數量|一共|共有|统计|統計|最[高低大小多少早晚新]",
    r"いくつ|いくら|何[件人個本台枚回]|件数|ごと|最古|몇|얼마|합계|평균|최[대소고저]|가장|개수",
    r"कितन|कुल|औसत|अधिकतम|न्यूनतम",
]
_ASKS = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b|{'|'.join(_ANYWHERE)}", re.IGNORECASE)
_REASONS = re.compile(r"\s*(?:why|explain|describe|summari[sz]e|how (?!many|much))\b", re.IGNORECASE)


def asks_a_table(question: str, completed: str) -> bool:
    """Whether it is worth trying to compute the answer.

    Args:
        question: as asked; one for reasons is none.
        completed: the same as it stands alone; not looked at where it is two questions.
    """
    if _REASONS.match(question):
        return False
    return bool(_ASKS.search(question) or ("\n" not in completed and _ASKS.search(completed)))
