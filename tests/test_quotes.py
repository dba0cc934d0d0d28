"""Every quote is found verbatim in the file, on the page and in the section that its citation names."""

from pathlib import Path

import pytest
from rich.console import Console

from assistant import Assistant, Citation, samples
from assistant.engines.openvino import OpenVINOChat
from assistant.settings import load_profile
from knowledge import SentenceEmbeddings
from tests.quotes import check, is_found

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("count", [4, pytest.param(500, marks=pytest.mark.soak)])
@pytest.mark.timeout(3600)
async def test_every_quote_of_every_citation_is_in_its_source_where_it_says(
    tmp_path: Path, engine: OpenVINOChat, embeddings: SentenceEmbeddings, count: int
) -> None:
    async with Assistant(load_profile("docs", tmp_path), engine, embeddings) as assistant:
        tally = await check(assistant, samples.folder(), count, Console(stderr=True))
    assert tally.answered >= count
    assert tally.citations >= count
    assert tally.wrong == ()


def test_a_quote_that_is_elsewhere_or_changed_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("# Fuses\n\nA fuse melts.\n\n# Meters\n\n## Current\n\nAn ammeter measures current.\n")

    def cites(section: str, quote: str) -> bool:
        return is_found(Citation(1, "a.md", None, section, file.as_uri(), quote))

    assert cites("Meters > Current", "An ammeter measures current.")
    assert cites("Meters", "An ammeter measures current.")
    assert not cites("Fuses", "An ammeter measures current.")
    assert not cites("Meters > Current", "An ammeter measures currents.")
