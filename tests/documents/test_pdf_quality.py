"""One number for how well a page was read, whatever its language."""

import pytest

from documents.parsing.pdf_quality import POOR, quality

ENGLISH = (
    "The board of directors approved the annual report and the auditors confirmed it without reservation."
)

GOOD = {
    "english": ENGLISH,
    "german": (
        "Die Rechtsschutzversicherungsgesellschaften prüften gründlich, was in den Unterlagen stand, und "
        "zahlten am Ende des Jahres fast alles zurück, wovon im Vertrag die Rede gewesen war."
    ),
    "czech": (
        "Vlk zmrzl, krtek zmlkl a prst vody strčil skrz krk. Všichni lidé se rodí svobodní a sobě rovní co "
        "do důstojnosti a práv, jsou nadáni rozumem a svědomím a mají spolu jednat v duchu bratrství."
    ),
    "polish": "Chrząszcz brzmi w trzcinie w Szczebrzeszynie, a źdźbło trawy drży na wietrze przed domem.",
    "vietnamese": "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
    "russian": "Все люди рождаются свободными и равными в своём достоинстве и правах и наделены разумом.",
    "greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "arabic": "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم",
    "hebrew": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם כולם חוננו בתבונה ובמצפון",
    "hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है",
    "chinese": "人人生而自由在尊严和权利上一律平等他们赋有理性和良心并应以兄弟关系的精神相对待" * 3,
    "japanese": "すべての人間は生まれながらにして自由でありかつ尊厳と権利とについて平等であるPDFファイル" * 3,
    "korean": "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다 인간은 천부적으로 이성을",
    "thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิต่างมีเหตุผลและมโนธรรม" * 2,
    "numbers": "1,234 5,678 (12) 4.5 % 2021 2020 " * 10,
    "table of letters": "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 2,
    "links": "See https://www.example.org/averylongaddressthatnobodywouldcallawordatall here.",
    "formula": "Let x be a real number and y = f(x) for all x in the set A, so that f is continuous in x.",
    "acronyms": "NASDAQ NYSE SEC GAAP HTML XML CSS DBMS RDBMS TCP HTTP FTP SMTP KPMG BMW PWC " * 3,
    "short": "Qty",
}
BAD = {
    "nothing": " \n ",
    "lost glyphs": ENGLISH.replace("o", "\ufffd").replace("i", "\ufffd"),
    "private use": "".join(chr(0xE000 + ord(c)) if c.isalpha() else c for c in ENGLISH),
    "glued": ENGLISH.replace(" ", ""),
    "split": " ".join(ENGLISH.replace(" ", "")),
    "mixed": "tһe bσard οf diгectors aррroved tһe annuаl repοrt aпd tһe audίtors cοnfirmed ίt",
    "wrong font table": "̽ଋҨǥƹ ̽ୡȥဎഁୡࣧҨဌʾ ဎಱ̽ೌ¢ ܆ȥ¢ Νʾ੧ͱʸ ¢͢ฏʤҨ ̿ଋҨǥƺ ̿ୡȥဎഔ",
    "vowels lost": "Th brd f drctrs pprvd th nnl rprt nd th dtrs cnfrmd t wtht rsrvtns wthn wks thrftr",
}


@pytest.mark.parametrize("name", GOOD)
def test_text_that_people_write_is_never_called_poor(name):
    assert quality(GOOD[name]) >= 0.8, name


@pytest.mark.parametrize("name", BAD)
def test_text_that_a_reader_spoilt_is_called_poor(name):
    assert quality(BAD[name]) < POOR, name


def test_a_few_lost_glyphs_are_forgiven():
    assert quality(ENGLISH * 5 + " \ufffd\ufffd") > 0.9
