"""``c4t table``: what a shared table holds, several brought into one, kept small and fast."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from c4t_core.commands.console import (
    Watcher,
    add_model_option,
    plural,
    print_json,
    printable,
    say,
    stopping_cleanly,
)
from c4t_core.errors import C4TError

if TYPE_CHECKING:
    from c4t_core.cluster.copying import Brought
    from c4t_core.index.store.catalogue import Catalogue


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.description = (
        "Look after shared tables of frames (names that end in .lance, on a disk or at an address "
        "such as s3://bucket/team.lance)."
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    # fmt: off
    info = actions.add_parser("info", help="say what a table holds")
    _add_table(info)
    join = actions.add_parser("merge", help="bring tables into one, vectors bit for bit",
        description="Bring the frames of tables into one, which may be there already. They must be "
        "of one model. Of a frame in two of them the one whose file was changed later counts, else "
        "the one that was first seen later.")
    join.add_argument("tables", nargs="+", metavar="TABLE", help="what is brought together")
    join.add_argument("--to", required=True, metavar="X.lance", help="the table they go into")
    join.add_argument("--json", action="store_true", help="print the numbers as JSON")
    better = actions.add_parser("optimize", help="tidy a table up, and build its vector index",
        description="Drop frames that are there twice, join small files, drop versions older than "
        "seven days, and build a vector index for searching in place, which is then compared with "
        "exact search.")
    _add_table(better)
    better.add_argument("--index", choices=("ivf-rq", "ivf-pq", "hnsw", "none"), help=
        "ivf-rq is built fastest and is the smallest; without --index what there is stays and "
        "takes new frames in")
    add_model_option(better)
    out = actions.add_parser("from-workspace", help="write what is indexed here into a table",
        description="Write what is indexed of folders into a table, made if it is not there; "
        "vectors stay what they are, bit for bit. Rows of other folders stay in it.")
    out.add_argument("folders", nargs="+", metavar="FOLDER", help="a folder indexed before")
    out.add_argument("--to", required=True, metavar="X.lance", help="the table")
    add_model_option(out)
    back = actions.add_parser("to-workspace", help="take a table into the index of this machine",
        description="Take the rows of a table into the index of the folders that they lie in on "
        "this machine, as if they had been indexed here.")
    back.add_argument("table", metavar="TABLE", help="a name that ends in .lance")
    place = actions.add_parser("place", help="say where files of a table lie on this machine",
        description="A table names the folders of its frames as the machine that indexed them sees "
        "them. Where this machine sees them elsewhere, say so once; the table stays as it is.")
    place.add_argument("table", metavar="TABLE", help="a name that ends in .lance, opened before")
    place.add_argument("root", metavar="FOLDER", help="as the table names it, see c4t table info")
    place.add_argument("there", metavar="HERE", help="the folder or address on this machine")
    for one in (out, back):
        one.add_argument("--json", action="store_true", help="print the numbers as JSON")
    # fmt: on


def _add_table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("table", metavar="TABLE", help="a name that ends in .lance")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")


def run(args: argparse.Namespace) -> int:
    """Do what the action says."""
    actions: dict[str, Callable[[argparse.Namespace], None]] = {
        "info": _info,
        "merge": _merge,
        "optimize": _optimize,
        "from-workspace": _from_workspace,
        "to-workspace": _to_workspace,
        "place": _place,
    }
    actions[args.action](args)
    return 0


def _info(args: argparse.Namespace) -> None:
    from c4t_core.cluster.keeping import describe
    from c4t_core.cluster.table import open_table

    told = describe(open_table(args.table))
    if args.json:
        print_json(told)
        return
    print(printable(told["address"]))
    print(f"  {plural(told['frames'], 'frame')} of {plural(told['drives'], 'drive')}")
    if told["bad_files"]:
        print(f"  {plural(told['bad_files'], 'file')} that could not be used")
    for root, rows in told["roots"].items():
        own = ", with rules of its own" if root in told["rules"] else ""
        print(f"  {plural(rows, 'row')} below {printable(root)}{own}")
    print(f'  model "{printable(told["model"])}"')
    print(f"  {_size(told['bytes'])}, version {told['version']} of {len(told['versions'])} kept")
    for index in told["indexes"]:
        print(f"  {_about(index)}")


def _about(index: dict[str, Any]) -> str:
    from c4t_core.cluster.asking import Audit

    what = f"index {index['kind']} of {index['column']}, {_size(index['bytes'] or 0)}"
    if index["not_yet"]:
        what += f", {plural(index['not_yet'], 'row')} not in it yet"
    if "audit" not in index:
        return what
    if index["audit"] is None:
        return f"{what}: not compared with exact search, so it does not answer"
    told = {name: value for name, value in index["audit"].items() if name != "serves"}
    audit = Audit(**told)
    return f"{what}: {audit}" + ("" if audit.serves else ", too little, so it does not answer")


def _merge(args: argparse.Namespace) -> None:
    from c4t_core.cluster.keeping import merge

    done = merge(args.tables, args.to)
    if args.json:
        print_json(vars(done))
        return
    print(f"Added {plural(done.added, 'row')} from {plural(len(args.tables), 'table')}.")
    if done.both:
        print(f"{plural(done.both, 'frame')} in more than one of them; the later one is kept.")


def _optimize(args: argparse.Namespace) -> None:
    from c4t_core.cluster.keeping import optimize
    from c4t_core.cluster.table import open_table

    table = open_table(args.table)
    model = _model(args.model, table.header.fingerprint) if args.index != "none" else None
    done = optimize(table, args.index, model, say)
    if args.json:
        audit = None if done.audit is None else vars(done.audit)
        print_json({"rows": done.rows, "dropped": done.dropped, "audit": audit})
        return
    if done.dropped:
        print(f"Dropped {plural(done.dropped, 'row')} of frames that were there twice.")
    print(f"The table has {plural(done.rows, 'row')}.")
    if done.audit is not None:
        print(f"The index {done.audit}, of {done.audit.asked}.")
    if done.audit is not None and not done.audit.serves:
        print("That is too little, so exact search answers; build another with --index.")


def _from_workspace(args: argparse.Namespace) -> None:
    from c4t_core.addresses import plain
    from c4t_core.cluster.copying import from_workspace
    from c4t_core.index.directions import ModelHandle
    from c4t_core.index.folders import opened

    model, address, folders = ModelHandle(args.model), plain(args.to), opened(args.folders)
    with _catalogue(args) as (catalogue, watcher):
        done = from_workspace(folders, model, address, catalogue, watcher)
    _report(done, "Wrote", args)


def _to_workspace(args: argparse.Namespace) -> None:
    from c4t_core.addresses import plain
    from c4t_core.cluster.copying import to_workspace

    with _catalogue(args) as (catalogue, watcher):
        done = to_workspace(plain(args.table), catalogue, watcher)
    if done.notice:
        say(done.notice)
    _report(done, "Took in", args)


def _place(args: argparse.Namespace) -> None:
    from c4t_core.addresses import plain
    from c4t_core.cluster.copying import place
    from c4t_core.index.store.catalogue import Catalogue, catalogue_path

    with contextlib.closing(Catalogue(catalogue_path())) as catalogue:
        place(catalogue, plain(args.table), args.root, args.there)
    say(f"Frames of {printable(args.root)} are looked for in {printable(args.there)} from now on.")


@contextlib.contextmanager
def _catalogue(args: argparse.Namespace) -> Iterator[tuple[Catalogue, Watcher]]:
    """Open the catalogue, and show how far it is until Ctrl+C, which keeps what is done."""
    from c4t_core.index.store.catalogue import Catalogue, catalogue_path

    watcher = Watcher("row", quiet=args.json)
    with contextlib.closing(Catalogue(catalogue_path())) as catalogue, stopping_cleanly(watcher):
        yield catalogue, watcher


def _report(done: Brought, did: str, args: argparse.Namespace) -> None:
    failed = sum(map(len, done.failed.values()))
    if args.json:
        print_json({"there": done.there, "new": done.new, "gone": done.gone, "failed": failed})
        return
    gone = f", dropped {done.gone:,}" if done.gone else ""
    print(f"{did} {plural(done.new, 'frame')}{gone}; {done.there:,} are there.")


def _model(name: str, fingerprint: str) -> Any:
    """Return the model of a table, None where it is not here: its sentences are not asked then."""
    from c4t_core.index.directions import ModelHandle

    with contextlib.suppress(C4TError):
        handle = ModelHandle(name)
        if fingerprint in handle.maker(fingerprint).fingerprints:
            handle.maker(fingerprint).get()
            return handle
    say("The model of the table is not here, so only frames are asked, no sentences.")
    return None


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count < 1e9 else f"{count / 1e9:,.2f} GB"
