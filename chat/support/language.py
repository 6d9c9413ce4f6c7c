"""Which language a short text is in (a guess from the commonest words), and its number words and months."""

import re
from functools import lru_cache

# fmt: off
_COMMON = {
    "en": "no have they their you we can may if its than been but all will would who when the of and to in"
        " is was are for that with by from on as it be has had not were this which or at"
        " an",
    "de": "der die das und ist nicht von mit den dem ein eine einer einem einen zu im für auf des sich"
        " werden wird"
          " sind wurde bei oder als auch",
    "es": "el la los las de que y en un una por con para del se es al fue son su lo como más está no",
    "fr": "le la les des et est une du dans pour que qui par sur au aux sont avec pas ce cette il elle ne",
    "it": "il la di che e è un una per con del della sono nel alla dei gli non si le da",
    "pt": "o a os as de que e em um uma para com do da dos das não por são no na é ao",
    "nl": "de het een van en is dat op te voor met zijn niet aan door ook worden werd",
    "ru": "и в не на что с по как из для это от при его был было или она они к за",
}
_SPELLED = {
    "en": "zero:0 one:1 two:2 three:3 four:4 five:5 six:6 seven:7 eight:8 nine:9 ten:10 eleven:11 twelve:12"
          " thirteen:13 fourteen:14 fifteen:15 sixteen:16 seventeen:17 eighteen:18 nineteen:19 twenty:20"
              " thirty:30"
          " forty:40 fifty:50 sixty:60 seventy:70 eighty:80 ninety:90 dozen:12",
    "de": "zwei:2 drei:3 vier:4 fünf:5 sechs:6 sieben:7 acht:8 neun:9 zehn:10 elf:11 zwölf:12 dreizehn:13"
          " vierzehn:14 fünfzehn:15 sechzehn:16 siebzehn:17 achtzehn:18 neunzehn:19 zwanzig:20 dreißig:30"
          " vierzig:40 fünfzig:50 sechzig:60 siebzig:70 achtzig:80 neunzig:90",
    "es": "dos:2 tres:3 cuatro:4 cinco:5 seis:6 siete:7 ocho:8 nueve:9 diez:10 once:11 doce:12 trece:13"
          " catorce:14 quince:15 veinte:20 treinta:30 cuarenta:40 cincuenta:50 sesenta:60 setenta:70"
              " ochenta:80"
          " noventa:90 cien:100",
    "fr": "deux:2 trois:3 quatre:4 cinq:5 six:6 sept:7 huit:8 dix:10 onze:11 douze:12 treize:13 quatorze:14"
          " quinze:15 seize:16 vingt:20 trente:30 quarante:40 cinquante:50 soixante:60",
    "it": "due:2 tre:3 quattro:4 cinque:5 sei:6 sette:7 otto:8 nove:9 dieci:10 undici:11 dodici:12 venti:20"
          " trenta:30 quaranta:40 cinquanta:50",
    "pt": "dois:2 duas:2 três:3 quatro:4 cinco:5 seis:6 sete:7 oito:8 nove:9 dez:10 onze:11 doze:12 vinte:20"
          " trinta:30 quarenta:40 cinquenta:50",
    "ru": "два:2 две:2 двух:2 три:3 трёх:3 трех:3 четыре:4 пять:5 шесть:6 семь:7 восемь:8 девять:9 десять:10"
          " одиннадцать:11 двенадцать:12 двадцать:20 тридцать:30 сорок:40 пятьдесят:50",
}
_ORDINALS = {
    "en": "second:2 third:3 fourth:4 fifth:5 sixth:6 seventh:7 eighth:8 ninth:9 tenth:10 eleventh:11"
        " twelfth:12"
          " thirteenth:13 fourteenth:14 fifteenth:15 sixteenth:16 seventeenth:17 eighteenth:18 nineteenth:19"
          " twentieth:20",
    "de": "zweit:2 dritt:3 viert:4 fünft:5 sechst:6 siebt:7 acht:8 neunt:9 zehnt:10 elft:11 zwölft:12",
    "es": "segundo:2 segunda:2 tercer:3 tercero:3 tercera:3 cuarto:4 cuarta:4 quinto:5 quinta:5 sexto:6"
        " sexta:6",
    "ru": "второй:2 третий:3 четвёртый:4 четвертый:4 пятый:5 шестой:6",
}
_MONTHS = (
    "january januar janvier enero gennaio janeiro januari января январь",
    "february februar février febrero febbraio fevereiro februari февраля февраль",
    "march märz mars marzo março maart марта март",
    "april avril abril aprile апреля апрель",
    "may mai mayo maggio maio mei мая май",
    "june juni juin junio giugno junho июня июнь",
    "july juli juillet julio luglio julho июля июль",
    "august août agosto augustus августа август",
    "september septembre septiembre settembre setembro сентября сентябрь",
    "october oktober octobre octubre ottobre outubro октября октябрь",
    "november novembre noviembre novembro ноября ноябрь",
    "december dezember décembre diciembre dicembre dezembro декабря декабрь",
)
# fmt: on
_SHORT = """
    jan:1 feb:2 mar:3 mrz:3 apr:4 may:5 jun:6 jul:7 aug:8 sep:9 sept:9 oct:10 okt:10 nov:11 dec:12 dez:12
"""
_WORDS = re.compile(r"[^\W\d_]+")
_COMMON_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_SCRIPTS = (
    ("zh", re.compile(r"[\u3400-\u9fff]")),
    ("ja", re.compile(r"[\u3040-\u30ff]")),
    ("ko", re.compile(r"[\uac00-\ud7af]")),
    ("ar", re.compile(r"[\u0600-\u06ff]")),
    ("ru", re.compile(r"[\u0400-\u04ff]")),
)
LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
DECIMAL_COMMA = frozenset({"de", "es", "fr", "it", "pt", "nl", "ru"})


@lru_cache(maxsize=512)
def guess(text: str) -> str:
    """The likely language: `en`, `de`, … or "" when too little speaks for any."""
    sample = text[:4000]
    latin = len(LATIN.findall(sample))
    for language, letters in _SCRIPTS:
        if language != "ru" and len(letters.findall(sample)) > max(1, latin // 4):
            return language
    if len(_SCRIPTS[-1][1].findall(sample)) > latin:
        return "ru"
    words = [word.lower() for word in _WORDS.findall(sample)]
    counts = {language: sum(word in common for word in words) for language, common in _COMMON_WORDS.items()}
    best, second = sorted(counts, key=lambda language: -counts[language])[:2]
    return best if counts[best] > counts[second] else ""


def script(text: str) -> str:
    """`latin` or the name of another script that most of the letters belong to."""
    sample = text[:4000]
    counts = {name: len(letters.findall(sample)) for name, letters in _SCRIPTS}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] > len(LATIN.findall(sample)) / 2 else "latin"


@lru_cache(maxsize=32)
def spelled(language: str) -> dict[str, int]:
    """Number words of a language; English ones where it has none of its own."""
    return _table(_SPELLED.get(language, _SPELLED["en"]))


@lru_cache(maxsize=32)
def ordinals(language: str) -> dict[str, int]:
    """Ordinal words; German ones without their ending."""
    return _table(_ORDINALS.get(language, _ORDINALS["en"] if language in ("en", "") else ""))


def _table(source: str) -> dict[str, int]:
    pairs = (entry.split(":") for entry in source.split())
    return {word: int(value) for word, value in pairs}


MONTHS = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()} | _table(_SHORT)
