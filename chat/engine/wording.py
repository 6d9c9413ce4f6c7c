"""How an LLM says that the documents do not hold the answer, as its prompt asks it to. Pure.

The strict prompt asks for a sentence that begins with "The documents do not say", in the language of the
question; LLMs vary it. What is not recognised counts as an answer that cites nothing.
"""

import re

from chat.markers import find
from chat.sentences import sentences

MAX_CHARS = 400  # a refusal is one sentence; more says something

_EN = r"(?:documents?|passages?|sources?|texts?|excerpts?|context|files?|information (?:given|provided))"
_DE = r"(?:dokument\w*|passage\w*|abschnitt\w*|unterlagen|text\w*|quellen?|auszüge\w*|auszügen)"
_FR = r"(?:documents?|passages?|extraits?|textes?|sources?)"
_ES = r"(?:documentos?|pasajes?|fragmentos?|textos?|fuentes?)"
_PT = r"(?:documentos?|passagens|passagem|trechos?|textos?|fontes?)"
_IT = r"(?:documenti|documento|passaggi|passaggio|brani|brano|testi|testo|fonti)"
_NL = r"(?:documenten|document|passages?|fragmenten|teksten|tekst|bronnen)"
_RU = r"(?:документ\w*|фрагмент\w*|отрыв\w*|текст\w*|источник\w*)"
_SAY = (
    r"(?:say|state|mention|contain|hold|answer|specify|provide|include|give|indicate|tell|cover|address|explain"
    r"|describe|show|name|list|reveal)"
)
_THE_EN = rf"\b(?:the|these|this|your|provided|given)\s(?:\w+\s){{0,2}}{_EN}\b"
_NO_CLAUSE = r"(?:(?!\b(?:that|which|if)\b).)"
_DE_SAY = (
    r"(?:sag(?:en|t)|nenn(?:en|t)|enth[aä]lt(?:en)?|geben|gibt|beantworte[nt]|erwähn(?:en|t)|steh(?:t|en)"
    r"|finde[nt]|besag(?:en|t)|machen|äußern)"
)
_PATTERNS = (
    rf"{_THE_EN}{_NO_CLAUSE}{{0,40}}\b(?:do|does|did)(?: not|n['’]t)(?: \w+ly)? {_SAY}\b",
    rf"\b(?:none|neither) of {_THE_EN}.{{0,20}}\b{_SAY}",
    rf"\b(?:no|not any) (?:information|mention|answer|details?)\b.{{0,120}}{_THE_EN}",
    rf"\b(?:can ?not|can['’]t|could not|couldn['’]t|unable to)\b.{{0,20}}\b(?:find|answer|tell)\b"
    rf".{{0,120}}{_THE_EN}",
    r"\b(?:is|are) not (?:\w+ )?(?:(?:stated|mentioned|given|specified|found|answered|provided|said) )?"
    rf"(?:in|by) {_THE_EN}",
    rf"\b{_DE}\b.{{0,40}}\b{_DE_SAY}\b.{{0,120}}\b(?:nicht|nichts|kein\w*)\b",
    rf"\bkein\w* (?:der|dieser|von den) (?:\w+ )?{_DE}\b",
    rf"\b{_FR}\b.{{0,40}}\bn(?:e |['’])(?:\w+ )?"
    r"(?:dis|mentionn|contienn|précis|répond|indiqu|donn|perm|fourn)",
    rf"\b{_ES}\b.{{0,40}}\bno (?:lo )?(?:dice|mencion|contien|especific|respond|indic|proporcion|ofrece)",
    rf"\b{_PT}\b.{{0,40}}\bnão (?:o )?(?:diz|mencion|cont[eé]|especific|respond|indic|fornec|inform)",
    rf"\b{_IT}\b.{{0,40}}\bnon (?:lo )?(?:dic|menzion|conten|specific|rispond|indic|forni)",
    rf"\b{_NL}\b.{{0,40}}\b(?:zegg|vermeld|bevat|noem|geven|geeft|beantwoord)\w*\b"
    r".{0,120}\b(?:niet|niets|geen)\b",
    rf"\b{_RU}\b.{{0,60}}\bне (?:говор|указ|упомин|содерж|сказан|сообща|отвеча)",
    r"(?:文档|文件|资料|段落|文中|材料)[^。]{0,30}(?:没有|未|并未)[^。]{0,8}(?:说明|提到|提及|包含|给出|记载|回答)",
    r"(?:文書|資料|文章|ドキュメント|抜粋)[^。]{0,60}(?:記載|言及|説明|情報|答え|書かれ|述べ)[^。]{0,12}(?:ない|ません)",
    r"(?:문서|자료|지문|본문)[^.]{0,60}(?:언급|나와|포함|정보|답|설명|기재)[^.]{0,12}(?:않|없)",
)
_SAYS_NO = re.compile("|".join(_PATTERNS), re.IGNORECASE | re.DOTALL)
_BUT = re.compile(
    r"\b(?:but|however|although|though|aber|jedoch|mais|pero|sin embargo|però|mas|porém|maar|но|однако)\b"
    r"|但|しかし|하지만",
    re.IGNORECASE,
)
_APOLOGY = re.compile(
    r"(?:i['’]?m |i am )?(?:sorry|unfortunately|es tut mir leid|leider|désolée?|lo siento|mi dispiace)[.,!]?",
    re.IGNORECASE,
)


def says_no(text: str) -> bool:
    """Whether a text does nothing but say that the documents do not hold the answer, and cites nothing."""
    text = text.strip()
    if not text or len(text) > MAX_CHARS or find(text) or _BUT.search(text):
        return False
    told = [one.text for one in sentences(text) if not _APOLOGY.fullmatch(one.text.strip())]
    return bool(told) and all(_SAYS_NO.search(one) for one in told)
