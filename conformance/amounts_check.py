"""Holds what each bill tells programs against what it tells people.

Usage: amounts_check.py FOLDER

Each line, reading, rate and total of the factur-x.xml in a PDF has to stand in the text that pdftotext
reads out of the same PDF, as its language writes numbers, and each line and reading in a row of its own.
"""

import decimal
import multiprocessing
import pathlib
import re
import subprocess
import sys

from lxml import etree
from pyhanko.pdf_utils.reader import PdfFileReader

SHOWN_MAX = 20
FAULTS_OF_A_FILE_MAX = 8
# Characters that may stand in a row between what it has to say: a period, units, the day of a reading.
BETWEEN_MAX = 60
NAMES = {"r": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"}
TOTALS = ["r:LineTotalAmount", "r:TaxBasisTotalAmount", "r:TaxTotalAmount", "r:GrandTotalAmount"]
# What an earlier balance is called in the twin's note; BT-113 holds it with its sign changed.
CARRIED = re.compile(r"(?:Салдо от предходни периоди|Balance from earlier periods): (-?[\d.]+) ")
METER = re.compile(r"(?:Измервателен уред|Meter) ([^,:]+)[^:]*: ")
READING = re.compile(r"(?:\d{4}-\d\d-\d\d )?(-?\d+(?:\.\d+)?) .*")


class Written:
    """Patterns of numbers as a bill's language writes them; what stands before and behind is no part of them."""

    def __init__(self, language: str, currency: str) -> None:
        self.english = language.startswith("en")
        self.unit = "€" if currency == "EUR" else currency

    def number(self, value: decimal.Decimal) -> str:
        text = f"{abs(value):,f}"
        if not self.english:
            text = text.translate({ord(","): " ", ord("."): ","})
        # The twin leaves zeros at the end away.
        zeros = "0*" if value != value.to_integral_value() else ""
        return rf"{'−' if value < 0 else '(?<!−)'}(?<![\d.,]){re.escape(text)}{zeros}(?![\d.,]*\d)"

    def money(self, value: decimal.Decimal) -> str:
        number = self.number(value)
        if self.english and self.unit == "€":
            return "(?<!−)€" + number if value >= 0 else number.replace("−", "−€", 1).replace(r"(?<![\d.,])", "")
        return rf"(?<!\d ){number} {self.unit}"

    def either(self, value: decimal.Decimal) -> str:
        """Whatever its sign: a bill says in words who owes whom."""
        return f"(?:{self.money(abs(value))}|{self.money(-abs(value))})"


class Text:
    """What pdftotext reads out of a file, row after row, with single spaces."""

    def __init__(self, path: str) -> None:
        said = subprocess.run(["pdftotext", "-raw", "-enc", "UTF-8", path, "-"], capture_output=True, check=True)
        self.words = " ".join(said.stdout.decode().replace("\u200b", "").split())
        self.rest = self.words

    def has(self, pattern: str) -> bool:
        return re.search(pattern, self.words) is not None

    def take(self, name: str, parts: list[str]) -> bool:
        """Whether there is a row with all of that which no other has taken; takes it."""
        # A long name takes several rows, and may be broken at a hyphen.
        broken = " ?".join(map(re.escape, "".join(name.split())))
        parts = [re.compile(part) for part in parts]
        for start in re.finditer(broken, self.rest):
            end = start.end()
            for part in parts:
                found = part.search(self.rest, end)
                if found is None or found.start() > end + BETWEEN_MAX:
                    break
                end = found.end()
            else:
                self.rest = self.rest[: start.start()] + self.rest[end:]
                return True
        return False


def read(path: str) -> tuple[etree._Element, str]:
    """The twin in a file, and the file's language."""
    with open(path, "rb") as file:
        catalog = PdfFileReader(file).root
        [_, described] = catalog["/Names"]["/EmbeddedFiles"]["/Names"]
        return etree.fromstring(described.get_object()["/EF"]["/F"].data), str(catalog["/Lang"])


def faults_of(path: str) -> list[str]:
    twin, language = read(path)
    text = Text(path)
    written = Written(language, twin.findtext(".//r:InvoiceCurrencyCode", namespaces=NAMES))

    def one(element: etree._Element, at: str) -> decimal.Decimal | None:
        found = element.findtext(at, namespaces=NAMES)
        return None if found is None else decimal.Decimal(found)

    faults = []
    lines = twin.findall(".//r:IncludedSupplyChainTradeLineItem", NAMES)
    for line in lines:
        name = line.findtext("r:SpecifiedTradeProduct/r:Name", namespaces=NAMES)
        base = one(line, ".//r:BasisQuantity")
        price, net = one(line, ".//r:ChargeAmount"), one(line, ".//r:LineTotalAmount")
        price = written.money(price) + " ?/ ?" + ("" if base is None else written.number(base))
        quantity = one(line, ".//r:BilledQuantity")
        if not text.take(name, [written.number(quantity), price, written.money(net)]):
            faults.append(f"no row with {name}, {quantity}, its price, {net}")
    meters: dict[str, tuple[str, list[decimal.Decimal]]] = {}
    for told in twin.findall(".//r:ApplicableProductCharacteristic", NAMES):
        meter = METER.match(told.findtext("r:Description", namespaces=NAMES))
        value = READING.fullmatch(told.findtext("r:Value", namespaces=NAMES))
        if meter and value:
            meters.setdefault(meter[0], (meter[1], []))[1].append(decimal.Decimal(value[1]))
    for serial, values in meters.values():
        if not text.take(serial, [written.number(value) for value in values]):
            faults.append(f"no row with {serial}, {', '.join(map(str, values))}")

    settlement = twin.find(".//r:ApplicableHeaderTradeSettlement", NAMES)
    sums = settlement.find("r:SpecifiedTradeSettlementHeaderMonetarySummation", NAMES)
    asked = [(at, written.money(one(sums, at))) for at in TOTALS]
    for tax in settlement.findall("r:ApplicableTradeTax", NAMES):
        asked += [(at, written.money(one(tax, at))) for at in ["r:BasisAmount", "r:CalculatedAmount"]]
        rate = one(tax, "r:RateApplicablePercent")
        if rate:
            asked.append(("rate", written.number(rate) + " ?%"))
    notes = (CARRIED.match(note.text or "") for note in twin.findall(".//r:Content", NAMES))
    carried = next((decimal.Decimal(note[1]) for note in notes if note), decimal.Decimal(0))
    is_credit_note = twin.findtext("{*}ExchangedDocument/r:TypeCode", namespaces=NAMES) == "381"
    paid = one(sums, "r:TotalPrepaidAmount") or decimal.Decimal(0)
    steps = {
        "rounding": one(sums, "r:RoundingAmount"),
        "paid in advance": (-paid if is_credit_note else paid) + carried,
        "carried over": carried,
    }
    asked += [(what, written.either(value)) for what, value in steps.items() if value]
    asked.append(("r:DuePayableAmount", written.either(one(sums, "r:DuePayableAmount"))))
    faults += [f"no {what}: {pattern}" for what, pattern in asked if not text.has(pattern)]
    return faults if lines else ["no line at all"]


def examine(path: str) -> tuple[str, list[str]]:
    try:
        return path, faults_of(path)
    except Exception as error:  # whatever is missing is the bill's fault
        return path, [f"{type(error).__name__}: {error}"]


def main() -> int:
    paths = sorted(str(path) for path in pathlib.Path(sys.argv[1]).rglob("*.pdf"))
    with multiprocessing.Pool() as pool:
        bad = [(path, faults) for path, faults in pool.imap(examine, paths, 16) if faults]
    for path, faults in bad[:SHOWN_MAX]:
        print(f"{path}: {'; '.join(faults[:FAULTS_OF_A_FILE_MAX])}")
    print(f"{len(paths) - len(bad)} of {len(paths)} accepted")
    return int(bool(bad) or not paths)


if __name__ == "__main__":
    sys.exit(main())
