"""Every crate that Cargo.toml names has its line in docs/DEPENDENCIES.md, and no line is left over. All crates,
also those that these bring along, come from crates.io, each known by its checksum."""

import pathlib
import re
import sys
import tomllib

REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
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
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    own = {crate.parent.name for crate in ROOT.glob("*/*/Cargo.toml")}
    strange = [
        f"{crate['name']} {crate['version']}"
        for crate in lock
        if (crate.get("source") != REGISTRY or "checksum" not in crate)
        and ("source" in crate or crate["name"].removeprefix("kvit-") not in own)
    ]
    for crate in strange:
        print(f"Cargo.lock: {crate} does not come from crates.io with a checksum")
    return int(named != explained or bool(strange))


sys.exit(main())
