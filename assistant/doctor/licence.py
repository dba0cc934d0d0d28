"""What the chat model's licence does not allow."""

from collections.abc import Iterator

from assistant.doctor.checks import Check
from assistant.models import NON_COMMERCIAL, named
from assistant.settings import Settings


def restriction(settings: Settings) -> Iterator[Check]:
    """SOLAR's instruct weights, however they came here. A conversion of them has the same licence."""
    model = named(settings.engine.model)
    instruct = "solar-10.7b-instruct" in settings.engine.model.lower()
    if not instruct and (model is None or model.commercial_use):
        return
    licence = model.licence if model else NON_COMMERCIAL
    detail = f"the weights of SOLAR-10.7B-Instruct are {licence}: no commercial use"
    remedy = "For business use another model; the base model SOLAR-10.7B-v1.0 is Apache-2.0."
    if "support" in settings.name.lower():
        detail += f', and the profile "{settings.name}" looks like customer support, which for a business is just that'
        remedy = "Do not answer a business's customers with it: " + remedy[0].lower() + remedy[1:]
    yield Check("licence", "warning", detail, remedy)
