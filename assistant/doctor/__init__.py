"""What is here, what is missing, whether the model fits, and what to do about it."""

from assistant.doctor.checks import Around, Check
from assistant.doctor.examination import examine

__all__ = ["Around", "Check", "examine"]
