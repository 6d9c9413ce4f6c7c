"""Scales and units: what stands behind (or before) a number, in several languages."""

import re
from decimal import Decimal

_SCALES = {
    3: "thousand thousands k tausend tsd mil mille migliaia milhares mila тыс тысяч тысяча тысячи 千 ألف"
    " آلاف",
    4: "万 萬",
    5: "lakh lakhs",
    6: "million millions mn mio mln mm m millionen millón millones milioni milione milhão milhões"
    " млн миллион миллиона миллионов 百万 مليون ملايين",
    7: "crore crores",
    8: "亿 億",
    9: "billion billions bn b mrd milliarde milliarden milliard milliards miliardo miliardi bilhão bilhões"
    " млрд миллиард миллиарда миллиардов مليار",
    12: "trillion trillions tn billionen billones trillones трлн триллион триллиона триллионов",
}
SCALES = {word: Decimal(10) ** power for power, words in _SCALES.items() for word in words.split()}
# One letter scales a number only where it is money or stands at the digits: 7.5m, 10k, $3 b.
LETTER_SCALES = frozenset({"k", "m", "b", "mm"})

_UNITS = {
    ("%", "1"): "% percent pct prozent procent процент процента процентов بالمئة 个百分点",
    ("‰", "1"): "‰ promille",
    ("dollar", "1"): "$ us$ usd dollar dollars dólares dólar доллар доллара долларов 美元",
    ("euro", "1"): "€ eur euro euros евро 欧元",
    ("pound", "1"): "£ gbp pound pounds",
    ("yen", "1"): "¥ jpy yen",
    ("yuan", "1"): "cny rmb yuan 元",
    ("franc", "1"): "chf franken francs franc",
    ("rupee", "1"): "₹ inr rupees rupee",
    ("rouble", "1"): "₽ rub руб рубль рубля рублей rubles roubles",
    ("crown", "1"): "sek nok dkk kronor kroner",
    (
        "day",
        "1",
    ): "day days tag tage tagen día días jour jours giorni giorno dias dia dagen день дня дней 天 日",
    ("day", "7"): "week weeks woche wochen semana semanas semaine semaines settimane недели недель неделя 周",
    ("month", "1"): "month months monat monate monaten mes meses mois mesi месяц месяца месяцев 个月",
    ("month", "12"): "year years jahr jahre jahren año años an ans anno anni ano anos jaar год года лет 年",
    ("second", "1"): "second seconds sec sekunde sekunden segundos secondes секунд",
    ("second", "60"): "minute minutes min minuten minutos минут минуты 分钟",
    ("second", "3600"): "hour hours hrs stunde stunden hora horas heure heures ore час часа часов 小时",
    ("gram", "1"): "g gram grams gramm",
    ("gram", "1000"): "kg kilogram kilograms kilo kilos kilogramm кг",
    ("gram", "1000000"): "tonne tonnes tonnen toneladas тонн",
    ("gram", "0.001"): "mg milligrams",
    ("metre", "1"): "metre metres meter meters metros mètres метров",
    ("metre", "1000"): "km kilometre kilometres kilometer kilometers kilómetros kilomètres км",
    ("metre", "0.01"): "cm centimetres centimeters zentimeter",
    ("metre", "0.001"): "mm-length millimetres millimeters millimeter",
    ("mile", "1"): "mile miles meilen millas",
    ("foot", "1"): "foot feet ft",
    ("litre", "1"): "litre litres liter liters litros",
    ("litre", "0.001"): "ml millilitres milliliters",
    ("degree", "1"): "°c celsius",
    ("fahrenheit", "1"): "°f fahrenheit",
    ("watt", "1000"): "kw kilowatts kilowatt",
    ("watt", "1000000"): "mw megawatts megawatt",
    ("byte", "1000000"): "mb megabytes megabyte",
    ("byte", "1000000000"): "gb gigabytes gigabyte",
}
UNITS = {word: (kind, Decimal(factor)) for (kind, factor), words in _UNITS.items() for word in words.split()}
MONEY = frozenset({"dollar", "euro", "pound", "yen", "yuan", "franc", "rupee", "rouble", "crown"})

PERCENT_PHRASE = re.compile(
    r"(?:per[ -]?cent(?:age)?(?:[ -]points?)?|por ciento|por cento|pour cent|per cento|percentage points?)",
    re.IGNORECASE,
)
SPEAKS_OF_PERCENT = re.compile(
    r"[%٪％]|per\s?cent|\bpct\b|prozent|\brates?\b|\bratios?\b|\bshares?\b|\bmargins?\b|\bquote\b|anteil"
    r"|por ciento"
    r"|pour cent|процент|доля|百分",
    re.IGNORECASE,
)
_SCALED_WORD = (
    r"thousands|millions|billions|tausend|tsd\.?|mio\.?|millionen|mrd\.?|milliarden|miles|millones|milliers"
    r"|milliards|migliaia|milioni|milhares|milhões|тыс\.?|тысяч\w*|млн\.?|миллион\w*|млрд\.?"
)
_SCALED = re.compile(
    rf"(?<!\w)(?:in|en|em|в)\s+(?:(?:u\.?s\.?\s*)?(?:dollars?|euros?|eur|usd|us\$|[$€£])\s+(?:in\s+)?)?({_SCALED_WORD})"
    rf"|\(\s*(?:u\.?s\.?\s*)?(?:dollars?|euros?|eur|usd|[$€£])?\s*(?:in\s+)?({_SCALED_WORD})[^()]{{0,60}}\)"
    rf"|(?<!\w)({_SCALED_WORD})\s+(?:of\s+)?(?:u\.?s\.?\s+)?(?:dollars|euros|pounds|eur|usd|€|руб)(?!\w)"
    r"|([$€£(]\s?['’]?000s?(?![\d.,]))|((?<!\w)T[€$](?!\w))|单位[：:]?\s*([百千万亿]+)",
    re.IGNORECASE,
)


def stated_scales(text: str) -> frozenset[Decimal]:
    """The scales that a table or its heading states: `(in thousands)`, `in Mio. €`, `$000`."""
    found = set()
    for match in _SCALED.finditer(text):
        word, bracket, behind, zeros, short, chinese = match.groups()
        if zeros or short:
            found.add(Decimal(1000))
            continue
        scale = _word_scale(word or bracket or behind or chinese)
        if scale is not None:
            found.add(scale)
    return frozenset(found)


def _word_scale(word: str) -> Decimal | None:
    plain = word.lower().rstrip(".")
    if plain in ("miles", "milliers"):
        return Decimal(1000)
    if plain in SCALES:
        return SCALES[plain]
    return next((SCALES[known] for known in ("тысяч", "миллион") if plain.startswith(known)), None)
