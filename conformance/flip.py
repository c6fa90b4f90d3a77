"""Writes COUNT copies of a file, each with one bit flipped at another of COUNT even steps.

Usage: flip.py FILE FOLDER COUNT
"""

import pathlib
import sys


def main() -> None:
    source, folder, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    content = source.read_bytes()
    for step in range(count):
        position = (2 * step + 1) * len(content) // (2 * count)
        changed = bytearray(content)
        changed[position] ^= 1
        (folder / f"{position:08}.pdf").write_bytes(changed)


main()
