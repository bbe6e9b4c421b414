"""What the repository promises about itself, kept by machine."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]


def tracked(*patterns: str) -> list[Path]:
    """Files that belong to the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns],
        check=True, capture_output=True, text=True, cwd=ROOT,
    ).stdout.splitlines()  # fmt: skip
    return [ROOT / name for name in listed if (ROOT / name).is_file()]


def test_no_file_holds_a_path_of_a_machine_or_the_host_of_a_registry() -> None:
    """What works on one machine only is not in the repository."""
    forbidden = [
        "/" + "work/",
        "/" + "root/",
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "registry.npmjs" + ".org",
        "proxy.golang" + ".org",
        "deb.debian" + ".org",
    ]
    for path in tracked():
        text = path.read_bytes().decode(errors="replace")
        found = [word for word in forbidden if word in text]
        assert not found, (path.relative_to(ROOT), found)


@pytest.mark.parametrize("page", tracked("*.md"), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    """A guide that sends its reader nowhere helps nobody."""
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


def test_the_lock_is_hashed_and_names_no_index() -> None:
    """Whoever installs gets these bytes and no others, from wherever their machine gets packages."""
    for path in tracked("requirements/*.txt"):
        text = path.read_text()
        pinned = re.findall(r"^[a-z0-9][^ \n]*==[^ \n]+", text, re.MULTILINE)
        assert pinned
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "--index-url" not in text
        assert "http" not in re.sub(r"^[a-z0-9-]*http[a-z0-9-]*==.*$", "", text, flags=re.MULTILINE)


def test_ci_runs_the_one_test_command() -> None:
    """What CI proves is what anybody can prove."""
    assert "scripts/test" in (ROOT / ".ci" / "run").read_text()


def test_envoy_is_closed_by_default() -> None:
    """The file that operators copy never lets a call pass because nobody answered."""
    text = (ROOT / "envoy" / "envoy.yaml").read_text()
    found = [
        http_filter["typed_config"]
        for listener in yaml.safe_load(text)["static_resources"]["listeners"]
        for chain in listener["filter_chains"]
        for network in chain["filters"]
        for http_filter in network["typed_config"]["http_filters"]
        if http_filter["name"] == "envoy.filters.http.ext_authz"
    ]
    assert found
    for one in found:
        assert one["failure_mode_allow"] is False
        assert one["with_request_body"]["allow_partial_message"] is False
        assert one["with_request_body"]["pack_as_bytes"] is True
        assert one["encode_raw_headers"] is True
        assert one["deny_at_disable"]["default_value"] is True
