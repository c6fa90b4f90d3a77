#!/usr/bin/env python3
"""Judges payment files by the schemas of ISO 20022. Usage: xsd_check.py FILE...

The schemas come with the package sepaxml. Says for each file what is wrong, and ends with status 0
only where nothing is."""
import pathlib
import sys

import sepaxml
from lxml import etree

SCHEMAS = pathlib.Path(sepaxml.__file__).parent / "schemas"
SPACE = "urn:iso:std:iso:20022:tech:xsd:"


def judge(path):
    document = etree.parse(path)
    message = etree.QName(document.getroot()).namespace.removeprefix(SPACE)
    schema = etree.XMLSchema(etree.parse(str(SCHEMAS / f"{message}.xsd")))
    schema.validate(document)
    return [f"{path}:{error.line}: {error.message}" for error in schema.error_log]


wrong = [error for path in sys.argv[1:] for error in judge(path)]
print("\n".join(wrong))
sys.exit(1 if wrong or len(sys.argv) < 2 else 0)
