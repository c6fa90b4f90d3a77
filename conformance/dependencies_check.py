"""Every crate that Cargo.toml names has its line in docs/DEPENDENCIES.md, and no line is left over."""

import pathlib
import re
import sys
import tomllib

ROOT = pathlib.Path(__file__).parent.parent


def main() -> int:
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    named = {
        spec.get("package", name) if isinstance(spec, dict) else name
        for name, spec in manifest["workspace"]["dependencies"].items()
        if not (isinstance(spec, dict) and "path" in spec)
    }
    ledger = (ROOT / "docs/DEPENDENCIES.md").read_text()
    explained = set(re.findall(r"^\| ([a-z0-9_-]+) \|[^|]+\|[^|]+\|$", ledger, re.MULTILINE)) - {"crate"}
    for name in sorted(named - explained):
        print(f"docs/DEPENDENCIES.md does not say why {name} is needed")
    for name in sorted(explained - named):
        print(f"docs/DEPENDENCIES.md explains {name}, which Cargo.toml does not name")
    return int(named != explained)


sys.exit(main())
