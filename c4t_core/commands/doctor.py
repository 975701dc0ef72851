"""``c4t doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import argparse
from typing import Any

from c4t_core.commands.console import print_json, printable
from c4t_core.commands.health import Finding, examine

_MARKS = {"ok": "  ", "note": "- ", "missing": "! "}


def add_parser(subparsers: Any) -> None:
    """Describe the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="show what is installed and what is missing",
        description="Show versions, devices, data folders and models, name the system parts that "
        "are missing, and say how to get them. Nothing is changed.",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 0 however they turn out, for the report itself succeeded."""
    findings = examine()
    missing = [finding for finding in findings if finding.state == "missing"]
    if args.json:
        print_json({"ok": not missing, "findings": [vars(finding) for finding in findings]})
        return 0
    _print(findings)
    if missing:
        print(f"\n{len(missing)} to mend: {', '.join(f.name for f in missing)}.")
    else:
        print("\nAll that indexing and searching need is there.")
    return 0


def _print(findings: list[Finding]) -> None:
    width = max(len(finding.name) for finding in findings) + 2
    group = ""
    for finding in findings:
        if finding.group != group:
            group = finding.group
            print(f"\n{group}")
        mark = _MARKS[finding.state]
        print(f"{mark}{finding.name:<{width}}{printable(finding.value)}".rstrip())
        if finding.remedy:
            print(f"{' ' * (width + 2)}-> {printable(finding.remedy)}")
