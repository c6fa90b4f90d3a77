"""Validates the seal of every PDF in a folder with pyHanko.

Usage: pyhanko_check.py TRUST_ROOTS.pem FOLDER

A bill passes with exactly one signature that is intact, valid and trusted, that covers the entire
file and certifies it as "no changes allowed".
"""

import logging
import multiprocessing
import pathlib
import sys

from asn1crypto import pem, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

SHOWN_MAX = 20


def certificates(path: str) -> list[x509.Certificate]:
    blocks = pem.unarmor(pathlib.Path(path).read_bytes(), multiple=True)
    return [x509.Certificate.load(der) for kind, _, der in blocks if kind == "CERTIFICATE"]


def faults_of(path: str) -> list[str]:
    with open(path, "rb") as file:
        signatures = PdfFileReader(file).embedded_signatures
        if len(signatures) != 1:
            return [f"{len(signatures)} signatures"]
        [signature] = signatures
        context = ValidationContext(trust_roots=ROOTS, allow_fetching=False)
        status = validate_pdf_signature(signature, signer_validation_context=context)
        wanted = {
            "intact": status.intact,
            "valid": status.valid,
            "trusted": status.trusted,
            "covers the entire file": status.coverage == SignatureCoverageLevel.ENTIRE_FILE,
            "DocMDP keeps": status.docmdp_ok,
            "certifies without changes": signature.docmdp_level == MDPPerm.NO_CHANGES,
            "ETSI.CAdES.detached": signature.sig_object["/SubFilter"] == "/ETSI.CAdES.detached",
            "bottom line": status.bottom_line,
        }
        return [f"not: {name}" for name, holds in wanted.items() if not holds]


def examine(path: str) -> tuple[str, list[str]]:
    try:
        return path, faults_of(path)
    except Exception as error:  # whatever pyHanko stumbles over is the bill's fault
        return path, [f"{type(error).__name__}: {error}"]


def start(roots: str) -> None:
    global ROOTS
    ROOTS = certificates(roots)
    logging.disable(logging.CRITICAL)


def main() -> int:
    roots, folder = sys.argv[1:]
    paths = sorted(str(path) for path in pathlib.Path(folder).rglob("*.pdf"))
    with multiprocessing.Pool(initializer=start, initargs=(roots,)) as pool:
        bad = [(path, faults) for path, faults in pool.imap(examine, paths, 16) if faults]
    for path, faults in bad[:SHOWN_MAX]:
        print(f"{path}: {', '.join(faults)}")
    print(f"{len(paths) - len(bad)} of {len(paths)} accepted")
    return int(bool(bad) or not paths)


if __name__ == "__main__":
    sys.exit(main())
