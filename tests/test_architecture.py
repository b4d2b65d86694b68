"""The house rules that a machine can check: floors, layers, sizes, and what may not be imported where."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS = ["secops", "cases", "enrichment", "response"]
LAYERS = [
    *("offline", "choices", "errors", "signals", "models", "reasoning", "forensics"),
    *("intake", "questions", "actions", "formats"),
    *("services", "tasks", "duties", "forms", "views", "api"),
    *("admin_nights", "admin_policy", "admin", "receivers", "benches"),
    *("urls", "apps"),
    "management",
]
MAX_LINES = 300
MODULES = [
    path.relative_to(ROOT)
    for floor in FLOORS
    for path in sorted((ROOT / floor).rglob("*.py"))
    if "migrations" not in path.parts
]
WIRING = {Path("secops/settings.py"), Path("secops/urls.py")}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def imported_modules(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the (floor, layer) of every module of ours that a file imports."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                assert alias.name.split(".")[0] not in FLOORS, f"{path}: say from x import y"
        if isinstance(node, ast.ImportFrom) and node.module:
            floor, *rest = node.module.split(".")
            for layer in rest[:1] or [alias.name for alias in node.names]:
                if floor in FLOORS:
                    yield floor, layer


def is_downwards(path: Path, other_floor: str, other_layer: str) -> bool:
    """Floors first, then the layers of one floor; the ground has none, and the wiring names every app."""
    floor, layer = path.parts[0], Path(path.parts[1]).stem
    if other_floor != floor:
        return FLOORS.index(other_floor) < FLOORS.index(floor) or path in WIRING
    if floor == "secops" or "__init__" in (layer, other_layer):
        return True
    return LAYERS.index(other_layer) <= LAYERS.index(layer)


def test_modules_import_only_downwards() -> None:
    upwards = [
        f"{path} imports {floor}.{layer}"
        for path in MODULES
        for floor, layer in imported_modules(path)
        if not is_downwards(path, floor, layer)
    ]
    assert upwards == []


def test_modules_are_short_and_say_what_they_are_for() -> None:
    long = [str(path) for path in MODULES if len((ROOT / path).read_text().splitlines()) > MAX_LINES]
    silent = [str(path) for path in MODULES if tree_of(path).body and not ast.get_docstring(tree_of(path))]
    assert (long, silent) == ([], [])


def test_the_practice_range_knows_nothing_of_the_product_but_itself() -> None:
    for path in MODULES:
        if path.parts[:2] == ("secops", "practice"):
            tree = ast.walk(ast.parse((ROOT / path).read_text()))
            names = {node.module or "" for node in tree if isinstance(node, ast.ImportFrom)}
            ours = {name for name in names if name.split(".")[0] in FLOORS}
            assert all(name.startswith("secops.practice") for name in ours), path


def test_what_leaves_with_an_export_needs_nothing_but_python() -> None:
    for path in (ROOT / "cases" / "offline").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= sys.stdlib_module_names, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in sys.stdlib_module_names, path


def test_no_template_marks_text_as_safe_or_carries_script() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        for word in ("|safe", "autoescape off", "hx-on", "javascript:", "js:", " style=", "<style"):
            assert word not in text, f"{path.name}: {word}"
        assert text.count("<script") == text.count("<script src=") + text.count('<script type="module" src='), path


def test_every_link_into_the_dialog_says_that_it_fills_it() -> None:
    """Inside of a part that swaps itself it would else inherit `outerHTML`, and #dialog be gone for the whole page."""
    for path in (ROOT / "templates").rglob("*.html"):
        for tag in re.findall(r"<\w+[^>]*hx-target=\"#dialog\"[^>]*", path.read_text()):
            assert 'hx-swap="innerHTML"' in tag, f"{path.name}: {tag}"


def test_no_module_marks_text_as_safe() -> None:
    for path in MODULES:
        assert "mark_safe" not in (ROOT / path).read_text(), path


def test_the_top_level_holds_only_what_the_plan_names() -> None:
    allowed = {
        *("manage.py", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"),
        *("secops", "cases", "enrichment", "response", "templates", "static", "tests", "docs", "deploy"),
    }
    own = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {"var", "uv.lock", "__pycache__"}
    assert own <= allowed
