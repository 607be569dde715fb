"""Run one fuzzer in this process, which ends with it: `python -m fuzz.one NAME SECONDS FOLDER CRASH_PREFIX`."""

import sys

import atheris


def main(name: str, seconds: str, grown: str, kept: str, artifacts: str) -> None:
    """Fuzz the target; what it finds new goes to `grown`, an input that breaks a law to `artifacts`."""
    with atheris.instrument_imports(include=["asterion", "multipart"]):
        from fuzz.targets import TARGETS
    target = TARGETS[name]
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={artifacts}",
        "-max_len=2048",
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-seed=1",
        "-print_final_stats=1",
        "-verbosity=0",
    ]
    atheris.Setup([sys.argv[0], *options, grown, kept], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:6])
