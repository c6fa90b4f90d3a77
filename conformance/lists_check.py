"""The lists of codes in crates/billing/src/lists.rs are those of CEN's rules of EN 16931.
Usage: lists_check.py CLASSPATH, a file that names the JAR with the rules."""

import pathlib
import re
import sys
import zipfile

RULES = "xslt/en16931schematron/EN16931-CII-validation.xslt"
SOURCE = pathlib.Path(__file__).parent.parent / "crates/billing/src/lists.rs"

jars = [jar for jar in pathlib.Path(sys.argv[1]).read_text().strip().split(":") if "validator" in jar]
rules = next(zipfile.ZipFile(jar).read(RULES).decode() for jar in jars if RULES in zipfile.ZipFile(jar).namelist())


def asked(rule: str) -> set[str]:
    """The codes in the test of a rule."""
    end = rules.index(f'<xsl:attribute name="id">{rule}</xsl:attribute>')
    test = rules[rules.rindex("<xsl:when test=", 0, end) : end]
    return set(max(re.findall(r"' ([^']*) '", test), key=len).split())


def ours(name: str) -> set[str]:
    listed = re.search(rf"static {name}: &\[&str\] = &\[(.*?)\];", SOURCE.read_text(), re.DOTALL)
    return set(re.findall(r'"(\w+)"', listed[1]))


faults = [
    f"{rule}: {codes} are in one list and not in the other"
    for rule, have in {
        "BR-CL-14": ours("COUNTRIES"),
        "BR-CO-09": ours("COUNTRIES") | {"EL"},
        "BR-CL-23": ours("UNITS"),
    }.items()
    if (codes := sorted(asked(rule) ^ have))
]
print("\n".join(faults) or "as in the rules")
sys.exit(1 if faults else 0)
