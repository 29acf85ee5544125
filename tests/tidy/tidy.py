#!/usr/bin/env python3
"""The house rules that no compiler checks. Prints each breach as file:line: what and why; exits 1 if there is any.

    tidy.py ROOT

Rooms are the folders of src/ whose CMakeLists.txt has a braid_room(). What a room may include, its CMake DEPS say; what it
may depend on, the ranks below say, which are those of ARCHITECTURE.md.
"""

import pathlib
import re
import sys

# Rooms of one rank never see one another; a room sees those of lower ranks.
RANKS = [
    ["base"],
    ["model"],
    ["codec", "cassandra", "mysql"],
    ["transport", "reconcile", "timeline", "shape", "encode"],
    ["capture", "serve", "deliver"],
    ["pipeline"],
    ["control"],
    ["cli"],
]
RANK_OF = {room: rank for rank, rooms in enumerate(RANKS) for room in rooms}

MOST_LINES = 600
CODE = {".h", ".cc"}
TEXT = CODE | {".py", ".sh", ".md", ".cmake", ".txt", ".java", ".yaml", ".yml", ".js", ".proto"}
CODE_FOLDERS = ["src", "client", "jvm", "fuzz", "bench", "tests", "examples"]
TEXT_FOLDERS = CODE_FOLDERS + ["docs", "cmake"]

# A library, the header that names it, and the folder that alone may use it.
FENCED = [
    ("librdkafka", re.compile(r'#include [<"](?:librdkafka/)?rdkafka(?:_mock)?\.h'), "kafka"),
    ("RocksDB", re.compile(r'#include [<"]rocksdb/'), "rocksdb"),
]

# (what, why, the rooms where it may stand). Matched against code without comments and strings.
THREADS_AND_CLOCKS = ("pipeline", "control", "cli")
BANNED = [
    (r"\bthrow\b", "no exceptions: return a Result", ()),
    (r"\bassert\(", "CHECK is on in every build", ()),
    (r"\busing namespace std\b", "name what is used", ()),
    (r"\b(sprintf|strcpy|strcat|strtok|gets)\(", "writes without a bound", ()),
    (r"\b(atoi|atol|atof|std::sto[a-z]+)\(", "hides or throws errors: use std::from_chars", ()),
    (r"\b(rand|srand)\(", "random numbers come from a seed", ()),
    (r"\bstd::regex\b", "slow, and overflows the stack on long input", ()),
    (r"\bstd::cout\b|\bstd::cerr\b|\bstd::endl\b|(?<!s)(?<!sn)\bprintf\(", "rooms do not talk", ("cli",)),
    (r"\b(std::)?(exit|_exit|quick_exit)\(", "only main ends the program", ("cli",)),
    (r"\bstd::(jthread|thread|async)\b", "only pipeline owns threads", THREADS_AND_CLOCKS),
    (r"\b(system_clock|steady_clock|high_resolution_clock)\b|\b(gettimeofday|clock_gettime|time)\(",
     "a room is told the time", THREADS_AND_CLOCKS),
    (r"\b(sleep_for|sleep_until|usleep|nanosleep)\b", "a room is stepped, it does not wait", THREADS_AND_CLOCKS),
    (r"\b(malloc|calloc|realloc)\(|\bfree\(", "memory has an owner: a container, an arena or a unique_ptr", ()),
    (r"\bdelete\b(?!;)", "memory has an owner: a container, an arena or a unique_ptr", ()),
]
BANNED = [(re.compile(pattern), why, rooms) for pattern, why, rooms in BANNED]

# In any text that is committed. Written apart, so that this file does not match itself.
BANNED_TEXT = [
    (re.compile("TO" + "DO|FIX" + "ME|XX" + "X:"), "finish it, or say in the issue what is missing"),
    (re.compile("not " + "implemented", re.IGNORECASE), "finish it, or refuse by name"),
    (re.compile("/wo" + "rk/(main|shared)"), "a path of one machine"),
]

INCLUDE = re.compile(r'^\s*#include "([^"]+)"')
ROOM = re.compile(r"braid_room\(\s*(\w+)([^)]*)\)")
LINK = re.compile(r"target_link_libraries\(\s*braid_(\w+?)(_test)?\s+\w+\s+([^)]*)\)")


class Tree:
    """The rooms below ROOT/src and what each may include."""

    def __init__(self, root):
        self.root = root
        self.folder_of = {}     # room name -> folder below src/, as a string
        self.deps_of = {}       # room name -> names of rooms
        self.test_deps_of = {}  # the same for its test program
        self.every_test_deps = set()  # what braid_testing brings to every test program
        for cmake in sorted((root / "src").rglob("CMakeLists.txt")):
            text = cmake.read_text()
            folder = cmake.parent.relative_to(root / "src").as_posix()
            for name, rest in ROOM.findall(text):
                deps = re.search(r"\bDEPS\s+([^)]*?)(?:\bLIBS\b|$)", rest, re.DOTALL)
                self.folder_of[name] = folder
                self.deps_of[name] = set(deps.group(1).split()) if deps else set()
        for cmake in sorted((root / "src").rglob("CMakeLists.txt")):
            for name, test, libraries in LINK.findall(cmake.read_text()):
                rooms = set(re.findall(r"\bbraid_(\w+)", libraries))
                if test:
                    self.test_deps_of.setdefault(name, set()).update(rooms)
                elif name == "testing":
                    self.every_test_deps |= rooms & self.folder_of.keys()
                elif name in self.deps_of:
                    self.deps_of[name] |= rooms

    def room_of(self, path):
        """The room that a path below src/ is in: that of the nearest folder which is one. None if there is none."""
        best = None
        for name, folder in self.folder_of.items():
            inside = path == folder or path.startswith(folder + "/")
            if inside and (best is None or len(folder) > len(self.folder_of[best])):
                best = name
        return best

    def reach(self, room):
        """The room and all that it depends on, however far."""
        seen, todo = set(), [room]
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += self.deps_of.get(name, ())
        return seen


def without_comments_and_strings(text):
    """The code alone, line for line."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.DOTALL)


def check_dependencies(tree):
    """Rooms depend on rooms of lower ranks, on rooms below their own top folder, or not at all."""
    for name, deps in tree.deps_of.items():
        folder = tree.folder_of[name]
        cmake = f"src/{folder}/CMakeLists.txt"
        top = folder.split("/")[0]
        if top not in RANK_OF:
            yield f"{cmake}:1: {top} has no rank: is it a stage of ARCHITECTURE.md?"
            continue
        for dep in sorted(deps):
            if dep not in tree.folder_of:
                yield f"{cmake}:1: depends on {dep}, which is no room"
                continue
            dep_top = tree.folder_of[dep].split("/")[0]
            if dep_top != top and RANK_OF.get(dep_top, len(RANKS)) >= RANK_OF[top]:
                yield f"{cmake}:1: {name} depends on {dep}, which is beside it or later in the data's way"


def check_includes(tree, path, text):
    """Includes of our own stay within the room and what it depends on; libraries stay in their folders."""
    below = path.relative_to(tree.root / "src").as_posix()
    room = tree.room_of(below)
    if room is None:
        # A program: sees all that is not later than it.
        top = below.split("/")[0]
        allowed = {name for name, folder in tree.folder_of.items()
                   if RANK_OF.get(folder.split("/")[0], 99) < RANK_OF.get(top, 99)}
    else:
        allowed = tree.reach(room)
        if path.name.endswith("_test.cc"):
            for dep in tree.test_deps_of.get(room, set()) | tree.every_test_deps:
                allowed |= tree.reach(dep)
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        if include:
            target = tree.room_of(include.group(1))
            own_program = room is None and include.group(1).split("/")[0] == below.split("/")[0]
            if target is None and not own_program:
                yield f"src/{below}:{number}: includes \"{include.group(1)}\", which is in no room"
            elif target is not None and target not in allowed:
                yield f"src/{below}:{number}: {room or below} includes {target}, on which it does not depend"
        for library, pattern, folder in FENCED:
            if pattern.search(line) and folder not in path.parts:
                yield f"src/{below}:{number}: {library} outside a folder {folder}/"


def check_code(root, path, text):
    """What code never does, in src/ but for tests."""
    relative = path.relative_to(root).as_posix()
    if path.suffix == ".h" and "#pragma once" not in text:
        yield f"{relative}:1: a header without #pragma once"
    if not relative.startswith("src/") or path.name.endswith("_test.cc"):
        return
    top = relative.split("/")[1]
    for number, line in enumerate(without_comments_and_strings(text).splitlines(), 1):
        for pattern, why, rooms in BANNED:
            if top not in rooms and pattern.search(line):
                yield f"{relative}:{number}: {pattern.search(line).group().strip()}: {why}"


def check_text(root, path, text):
    """Size, and words that do not belong into what is committed."""
    relative = path.relative_to(root).as_posix()
    lines = text.splitlines()
    if path.suffix in CODE | {".py"} and len(lines) > MOST_LINES:
        yield f"{relative}:{MOST_LINES}: has {len(lines)} lines, and {MOST_LINES} are the most: it does too much"
    for number, line in enumerate(lines, 1):
        for pattern, why in BANNED_TEXT:
            if pattern.search(line):
                yield f"{relative}:{number}: \"{pattern.search(line).group()}\": {why}"


def files(root, folders, suffixes):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file() and "__pycache__" not in path.parts:
                yield path


def check(root):
    tree = Tree(root)
    yield from check_dependencies(tree)
    for name, folder in tree.folder_of.items():
        if not (root / "src" / folder / "README.md").is_file():
            yield f"src/{folder}:1: the room {name} has no README.md (what it takes, gives, promises)"
    for path in files(root, TEXT_FOLDERS, TEXT):
        text = path.read_text(errors="replace")
        yield from check_text(root, path, text)
        if path.suffix in CODE:
            yield from check_code(root, path, text)
            if path.relative_to(root).parts[0] == "src":
                yield from check_includes(tree, path, text)


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    breaches = list(check(pathlib.Path(sys.argv[1]).resolve()))
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
