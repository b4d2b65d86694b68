"""Minutes that an analyst would need by hand for what an action does: an estimate, its reason in docs/decisions.md.

An action that does not stand here saves nothing: it asks a person, waits, or is the engine's own.
"""

MINUTES: dict[str, int] = {
    "acquire_disk": 45,
    "acquire_file": 10,
    "acquire_memory": 30,
    "acquire_triage": 20,
    "analyse_file_use": 30,
    "block_indicator": 10,
    "capture_packets": 15,
    "confirm_device": 5,
    "detonate": 15,
    "disable_account": 5,
    "enable_account": 5,
    "examine_evidence": 30,
    "find_file": 15,
    "hunt": 30,
    "isolate_device": 10,
    "lift_quarantine": 5,
    "notify": 5,
    "notify_hr": 5,
    "notify_legal": 5,
    "quarantine_device": 10,
    "release_device": 5,
    "revoke_sessions": 5,
    "stop_capture": 5,
    "unblock_indicator": 5,
}
