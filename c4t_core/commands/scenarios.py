"""``c4t scenarios``: saved searches, and what is new among their matches."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from c4t_core.commands.console import add_model_option, plural, print_json, printable, say
from c4t_core.errors import C4TError

if TYPE_CHECKING:
    from c4t_core.index.scenarios import Counted
    from c4t_core.index.store.user_data import Scenario, UserData
    from c4t_core.workspace import Workspace

NEWS = 3  # exit code of --fail-if-new

_EPILOG = """\
A scenario keeps its query, its filters, the model it was saved with and its cut: the least score
of a match. New is what was first indexed after it was last looked at: opened in the window, saved
again, or run with --seen. A plain run changes nothing.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command and its actions."""
    parser.description = "Save searches under a name, and count what they find now."
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    about = {
        "list": "list the saved searches",
        "save": "save a search, or find the cut of a saved one again",
        "run": "count matches, events and what is new",
        "rename": "give a saved search another name",
        "remove": "remove a saved search",
        "pack": "save a search for each of SearchAD's 90 labels, or remove them",
    }
    for action, text in about.items():
        sub = actions.add_parser(action, help=text, description=f"{text[0].upper()}{text[1:]}.")
        add = sub.add_argument
        # fmt: off
        if action == "pack":
            add("pack", metavar="PACK", choices=("searchad",), help="searchad")
            add("--remove", action="store_true", help="remove what it saved")
            add("--json", action="store_true", help="print JSON")
            continue
        add("folder", metavar="FOLDER", nargs="?" if action == "list" else None,
            help="a folder that was indexed before")
        if action == "run":
            add("names", metavar="NAME", nargs="*", help="which ones (default: all)")
        elif action != "list":
            add("name", metavar="NAME", help="name of the saved search")
        if action == "rename":
            add("new", metavar="NEW", help="its new name")
        if action == "save":
            add("--query", metavar="Q", help="what to look for; without it, the frames that "
                "--tag, --in and --drive leave, or with none of these to find a cut again")
            add("--cut", type=_cut, metavar="X",
                help='least score of a match, or "auto" (the default) to have one found')
            add("--in", dest="within", action="append", default=[], metavar="SUBFOLDER",
                help="only frames below this sub-folder; may be given several times")
            add("--drive", metavar="ID", help="only frames of this drive")
            add("--tag", dest="tags", action="append", default=[], metavar="T",
                help="only frames with this tag; with several, only those with all of them")
        if action == "run":
            add("--seen", action="store_true", help="note that the matches were looked at")
            add("--fail-if-new", action="store_true", help=f"exit with {NEWS} if anything is new")
        if action in ("save", "run"):
            add_model_option(sub)
        add("--json", action="store_true", help="print JSON")
        # fmt: on


def _cut(text: str) -> float | None:
    if text == "auto":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f'"{text}" is neither "auto" nor a score') from error


def run(args: argparse.Namespace) -> int:
    """Do what the action says.

    Raises:
        C4TError: if there is no such scenario, or it cannot be run.
    """
    from c4t_core.index.store.user_data import UserData

    with contextlib.closing(UserData()) as data:
        notice = data.take_notice()
        if notice:
            say(notice)
        return _ACTIONS[args.action](args, data)


def _list(args: argparse.Namespace, data: UserData) -> int:
    scenarios = data.scenarios()
    if args.json:
        print_json([_described(scenario) for scenario in scenarios])
        return 0
    for scenario in scenarios:
        cut = "" if scenario.cut is None or not scenario.query else f"  from {scenario.cut:.4f} on"
        print(f"{printable(scenario.name)}: {printable(_asked(scenario))}{cut}")
        if scenario.problem:
            say(f"  {printable(scenario.name)}: {printable(scenario.problem)}")
    if not scenarios:
        say('No search is saved yet; save one with "c4t scenarios save".')
    return 0


def _asked(scenario: Scenario) -> str:
    """Return the query, or what a collection without one is restricted to."""
    kept = scenario.settings.get("filters") or {}
    tags = ", ".join(map(str, kept.get("tags") or ()))
    return scenario.query or tags or "frames chosen by filters"


def _described(scenario: Scenario) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "query": scenario.query,
        "settings": dict(scenario.settings),
        "model": scenario.model,
        "cut": scenario.cut,
        "made": scenario.made,
        "looked_at": scenario.checked,
    }


def _save(args: argparse.Namespace, data: UserData) -> int:
    from c4t_core.index import scenarios
    from c4t_core.index.query import NO_FILTERS, plain_filters
    from c4t_core.index.store.user_data import Scenario

    filters = replace(NO_FILTERS.narrowed(args.within, args.drive), tags=tuple(args.tags))
    if args.query is None and filters == NO_FILTERS:
        scenario = _named(data, [args.name])[0]
    else:
        settings = {"filters": plain_filters(filters)}
        scenario = Scenario(args.name, args.query or "", settings)
    with _opened(args) as workspace:
        marks = scenarios.located(data, scenario.query, workspace.files_of_size)
        fresh = scenarios.with_cut(workspace, scenario, marks, args.model, args.cut)
        counted = scenarios.count(workspace, fresh, marks)
    data.save_scenario(fresh)
    _tell(args, [(counted, args.model)])
    return 0


def _run(args: argparse.Namespace, data: UserData) -> int:
    from c4t_core.index import scenarios

    chosen = _named(data, args.names) if args.names else data.scenarios()
    counts: list[tuple[Counted, str]] = []
    failed = False
    with _opened(args) as workspace:
        for scenario in chosen:
            when = time.time()
            try:
                marks = scenarios.located(data, scenario.query, workspace.files_of_size)
                counted = scenarios.count(workspace, scenario, marks)
            except C4TError as error:
                say(f"{printable(scenario.name)}: {error}")
                failed = True
                continue
            counts.append((counted, args.model))
            if args.seen:
                scenarios.look(data, workspace, scenario, counted, when)
    _tell(args, counts)
    if failed:
        return 1
    return NEWS if args.fail_if_new and any(counted.new for counted, _ in counts) else 0


def _tell(args: argparse.Namespace, counts: Sequence[tuple[Counted, str]]) -> None:
    for counted, model in counts:
        if not counted.same_model:
            say(
                f"{printable(counted.name)}: its cut was found with another model than {model} as "
                "it is now, so nothing is counted as new; find the cut again with "
                '"c4t scenarios save".'
            )
    if args.json:
        print_json(
            [
                {
                    "name": counted.name,
                    "matches": counted.matches,
                    "events": counted.events,
                    "new": counted.new,
                    "cut": counted.cut,
                    "model": model,
                }
                for counted, model in counts
            ]
        )
        return
    for counted, _ in counts:
        matches = f"{counted.matches:,} match{'' if counted.matches == 1 else 'es'}"
        events = f"in {plural(counted.events, 'event')}"
        print(f"{printable(counted.name)}: {matches} {events}, {counted.new:,} new")
    if not counts and args.action == "run" and not args.names:
        say('No search is saved yet; save one with "c4t scenarios save".')


def _rename(args: argparse.Namespace, data: UserData) -> int:
    data.rename_scenario(args.name, args.new)
    return 0


def _remove(args: argparse.Namespace, data: UserData) -> int:
    data.delete_scenario(_named(data, [args.name])[0].name)
    return 0


def _pack(args: argparse.Namespace, data: UserData) -> int:
    """Add or remove the searches of a pack; no folder is needed for that."""
    from c4t_core.index import scenarios

    changed = (scenarios.remove_pack if args.remove else scenarios.add_pack)(data)
    if args.json:
        print_json({"removed" if args.remove else "added": changed})
    else:
        print(f"{changed} saved searches {'removed' if args.remove else 'added'}.")
    return 0


def _named(data: UserData, names: Sequence[str]) -> list[Scenario]:
    """Return the scenarios of some names, in that order.

    Raises:
        DataError: if there is none of a name.
    """
    from c4t_core.index.store.user_data import no_scenario

    known = {scenario.name: scenario for scenario in data.scenarios()}
    for name in names:
        if name not in known:
            raise no_scenario(name, known)
    return [known[name] for name in names]


@contextlib.contextmanager
def _opened(args: argparse.Namespace) -> Iterator[Workspace]:
    from c4t_core.cluster.opening import open_workspace

    with open_workspace(args.folder, model=args.model) as workspace:
        for notice in workspace.notices:
            say(notice)
        yield workspace


_ACTIONS = {
    "list": _list,
    "save": _save,
    "run": _run,
    "rename": _rename,
    "remove": _remove,
    "pack": _pack,
}
