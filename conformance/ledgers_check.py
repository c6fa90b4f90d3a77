"""Whatever docs/standards and docs/SECURITY.md name is there: files, tests (FILE::test), headings (FILE#heading).
The ledger of the ASVS has every point of levels 1 and 2 once, and counts them rightly."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parent.parent
SUFFIXES = "rs|py|md|json|toml|lock|sql|typ|css|js|html|ftl"
# The last number of each section, and those of level 3 to leave out (OWASP ASVS 5.0.0).
SECTIONS = """
1.1:2 1.2:9 1.3:11 1.4:3 1.5:2  2.1:3 2.2:3 2.3:4 2.4:1
3.2:2 3.3:4 3.4:6 3.5:5 3.7:2  4.1:3 4.2:1 4.3:2 4.4:4  5.1:1 5.2:3 5.3:2 5.4:3
6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4  7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2
8.1:2 8.2:3 8.3:1 8.4:1  9.1:3 9.2:4  10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3
11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1  12.1:3 12.2:2 12.3:4  13.1:1 13.2:5 13.3:2 13.4:5
14.1:2 14.2:4 14.3:3  15.1:3 15.2:3 15.3:7  16.1:1 16.2:5 16.3:4 16.4:3 16.5:3  17.1:1 17.2:4 17.3:2
"""

faults: list[str] = []


def tree() -> list[str]:
    kept = (p for p in ROOT.rglob("*") if not {".git", "target"} & set(p.relative_to(ROOT).parts))
    return [p.relative_to(ROOT).as_posix() for p in kept]


def headings(path: str) -> set[str]:
    found = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", one.lower()) for one in found)
    return {one.strip().replace(" ", "-") for one in plain}


def check_names(page: str, paths: list[str]) -> None:
    for token in re.findall(r"`([^`\s]+)`", (ROOT / page).read_text()):
        match = re.fullmatch(rf"([\w./-]+\.(?:{SUFFIXES}))(?:::(\w+)|#([\w-]+))?", token)
        # A word of ours alone, such as a file of an instance, is no file of the tree.
        if not match or ("/" not in match[1] and not (match[2] or match[3])):
            continue
        path, test, heading = match.groups()
        found = [one for one in paths if one == path or one.endswith("/" + path)]
        if not found:
            faults.append(f"{page} names {path}, which is not there")
        elif test and not any(re.search(rf"\bfn {test}\b", (ROOT / one).read_text()) for one in found):
            faults.append(f"{page} names {test}, which is not in {path}")
        elif heading and heading not in headings(found[0]):
            faults.append(f"{page} names #{heading}, which {path} does not have")


def check_words(page: str, code: str) -> None:
    """Long names that stand alone, such as those of tests, are somewhere in the code."""
    for word in set(re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", (ROOT / page).read_text())):
        if word not in code:
            faults.append(f"{page} names {word}, which is nowhere in the code")


def check_asvs(page: str) -> None:
    text = (ROOT / page).read_text()
    wanted = []
    for section in SECTIONS.split():
        name, last = section.split(":")
        wanted += [f"{name}.{n}" for n in range(1, int(last) + 1)]
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \|[^|]+\|(.+)\|$", text, re.MULTILINE)
    if [number for number, _ in rows] != wanted:
        odd = sorted(set(wanted) ^ {number for number, _ in rows})
        faults.append(f"{page}: not each point once and in order; look at {odd or 'the order'}")
    counts: dict[str, list[int]] = {}
    for number, where in rows:
        state = 2 if "**open**" in where else 1 if where.strip().startswith("n/a") else 0
        if state == 0 and not re.search(r"`[^`]*[/.]\w+[^`]*`|doors|the same test", where):
            faults.append(f"{page}: {number} is enforced by nothing that has a name")
        counts.setdefault(number.split(".")[0], [0, 0, 0])[state] += 1
    total = [sum(of) for of in zip(*counts.values())]
    for chapter, of in [*counts.items(), ("all", total)]:
        name = f"V{chapter}" if chapter.isdigit() else "all"
        line = f"| {name} | {sum(of)} | {of[0]} | {of[1]} | {of[2]} |"
        if line not in text:
            faults.append(f"{page}: the table of counts has no line {line}")


def main() -> int:
    paths = tree()
    pages = sorted(p for p in paths if re.fullmatch(r"docs/standards/\w.*\.md|docs/SECURITY\.md", p))
    sources = (p for p in paths if re.search(r"\.(rs|py|toml|sql)$", p))
    code = "\n".join((ROOT / one).read_text() for one in sources)
    for page in pages:
        check_names(page, paths)
        check_words(page, code)
    check_asvs("docs/standards/asvs.md")
    for fault in faults:
        print(fault)
    return int(bool(faults))


sys.exit(main())
