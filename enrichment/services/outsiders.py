"""Programs of others that the site has, and what each is to do with an item of evidence."""

import json
import re
from pathlib import Path

from django.conf import settings

from enrichment.choices import ForensicTool
from enrichment.forensics.programs import Job, place_of

FORENSICS = Path(__file__).resolve().parents[1] / "forensics"
RULES = FORENSICS / "rules"
PLUGINS = (  # Linux before Windows, whose plugins are not run where processes of Linux were found
    "banners.Banners",
    *("linux.pslist.PsList", "linux.bash.Bash", "linux.sockstat.Sockstat"),
    *("windows.pslist.PsList", "windows.cmdline.CmdLine", "windows.netscan.NetScan"),
)
NEVER = ("/home", "/root", "/etc", "/var", "/opt", "/srv", "/proc", "/run", "/tmp")  # noqa: S108 - no folder that is one of these, or holds them
_VERSION = re.compile(r"(?i)\b(?:version|framework) v?(\d[\w.]{0,20})")
MOST_RULES = 200_000_000  # bytes of rules of the site


def missing(tool: ForensicTool) -> str:
    """Why it cannot read anything here, in words; empty when it can."""
    setting, name = f"NIGHTDESK_{tool.name}", tool.name.capitalize()
    told = getattr(settings, setting)
    if not told:
        return f"{name} has not read it: {setting} does not say where it is."
    if not (_python() if tool == ForensicTool.VOLATILITY else place_of(told)):
        return f"{name} has not read it: it is not installed ({setting} is {told})."
    return ""


def job(tool: ForensicTool) -> Job:
    """What is run for a tool that is not missing."""
    return {ForensicTool.SURICATA: _suricata, ForensicTool.VOLATILITY: _volatility}[tool]()


def notes(tool: ForensicTool) -> list[str]:
    """What a reader must know of how it read."""
    if tool == ForensicTool.SURICATA and not _rule_files():
        return ["Suricata has no rules (NIGHTDESK_SURICATA_RULES): it tells what it decodes, and alerts of nothing."]
    if tool == ForensicTool.VOLATILITY and not settings.NIGHTDESK_VOLATILITY_SYMBOLS:
        return ["Without symbols (NIGHTDESK_VOLATILITY_SYMBOLS) only the banner of a kernel is looked for."]
    if tool == ForensicTool.VOLATILITY and not _folder(settings.NIGHTDESK_VOLATILITY_SYMBOLS):
        return ["Its symbols were not opened: their folder holds a home, the data folder or more than symbols."]
    return []


def version(said: str) -> str:
    """As it says it when it begins."""
    found = _VERSION.search(said)
    return found[1] if found else "of unknown version"


def _suricata() -> Job:
    """Over one file, with our own configuration and the site's rules; checksums are not judged, cards compute them."""
    rules, left = [], MOST_RULES
    for path in _rule_files():
        rules.append(path.read_bytes()[:left])
        left -= len(rules[-1])
    place = place_of(settings.NIGHTDESK_SURICATA)
    words = ["-r", "{file}", "-c", "suricata.yaml", "-S", "site.rules", "-l", ".", "-k", "none", "--runmode", "single"]
    return Job(
        command=[place, *words],
        files={"suricata.yaml": (RULES / "suricata.yaml").read_bytes(), "site.rules": b"\n".join(rules)},
        may_read=["/etc/suricata", *_program(place)],
        feed=True,
        output="eve.json",
    )


def _rule_files() -> list[Path]:
    place = Path(settings.NIGHTDESK_SURICATA_RULES) if settings.NIGHTDESK_SURICATA_RULES else None
    if place is None:
        return []
    return sorted(place.glob("*.rules")) if place.is_dir() else [place]


def _volatility() -> Job:
    """In its own environment and offline; without symbols there is nothing that its other plugins could read."""
    symbols = settings.NIGHTDESK_VOLATILITY_SYMBOLS
    plugins = PLUGINS if symbols else PLUGINS[:1]
    asked = {"plugins": plugins, "symbols": symbols, "seconds": max(1, settings.EXAMINE_SECONDS // (len(plugins) + 1))}
    python = Path(_python())
    return Job(
        command=[str(python), "-I", "-B", "volatility_run.py", "{file}", json.dumps(asked)],
        files={"volatility_run.py": (FORENSICS / "volatility_run.py").read_bytes()},
        may_read=[
            *_folder(settings.NIGHTDESK_VOLATILITY),
            *_program(str(python)),
            *(_folder(symbols) if symbols else []),
        ],
        feed=False,
        output="out.jsonl",
    )


def _program(place: str) -> list[str]:
    """Itself, and what was installed with it: the folder above its `bin`."""
    path = Path(place).resolve()
    return [str(path), *(_folder(path.parents[1]) if path.parent.name in {"bin", "sbin"} else [])]


def _folder(place: str | Path) -> list[str]:
    """One that a program may read; none that holds more than programs do, such as a home, or the store."""
    folder, data = Path(place).resolve(), Path(settings.DATA_DIR).resolve()
    is_wide = folder.parent == Path("/home") or any(one.is_relative_to(folder) for one in (data, *map(Path, NEVER)))
    return [] if is_wide or folder.is_relative_to(data) else [str(folder)]


def _python() -> str:
    """The interpreter of the environment that has it."""
    folder = Path(settings.NIGHTDESK_VOLATILITY) / "bin"
    return str(folder / "python") if (folder / "vol").is_file() and (folder / "python").exists() else ""
