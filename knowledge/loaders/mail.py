"""Mails and pages saved as one file: who wrote to whom and when, the text, and the names of what was attached."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders.documents import document
from knowledge.loaders.html import parse, to_markdown
from knowledge.loaders.text import decode

if TYPE_CHECKING:
    from langchain_core.documents import Document

_HEADERS = ("From", "To", "Cc", "Date")


def load(path: Path) -> "list[Document]":
    message = message_from_bytes(path.read_bytes(), policy=policy.default)
    if not isinstance(message, EmailMessage) or not (message["From"] or message["MIME-Version"] or message["Subject"]):
        raise LoadError(f"{path} is damaged or not a mail.", "Save it anew from the program that wrote it.")
    attached = [name for part in message.iter_attachments() if (name := part.get_filename())]
    headers = {name: str(message[name]) for name in _HEADERS if message[name]}
    subject = str(message["Subject"] or "")
    body = _body(message, path)
    if not body.strip() and not subject:
        return []
    return [document(written(subject, headers, body, attached), subject or path.stem)]


def written(subject: str, headers: dict[str, str], body: str, attached: list[str]) -> str:
    """A mail as Markdown: the subject its heading, a line for each header, the text, and what was attached."""
    lines = [f"{name}: {' '.join(value.split())}  " for name, value in headers.items()]
    if attached:
        lines.append(f"Attached: {', '.join(attached)}  ")
    heading = [f"# {' '.join(subject.split())}"] if subject.strip() else []
    return "\n\n".join([*heading, "\n".join(lines), body.strip()]).strip() + "\n"


def literal(text: str) -> str:
    """Plain text in which a number sign at the start of a line is no heading."""
    return re.sub(r"^(?=#{1,6} )", r"\\", text, flags=re.MULTILINE)


def _body(message: EmailMessage, path: Path) -> str:
    part = message.get_body(("plain", "html")) or message.get_body(("related",))
    data = part.get_payload(decode=True) if part else None
    if part is None or not isinstance(data, bytes):
        return ""
    text = _text(data, part.get_content_charset() or "", path)
    if part.get_content_subtype() != "html":
        return literal(text)
    page = parse(text, path)
    return to_markdown(page.body or page)


def _text(data: bytes, charset: str, path: Path) -> str:
    """In the encoding that the mail names, when there is one of that name and it fits."""
    try:
        return data.decode(charset).replace("\r\n", "\n")
    except (LookupError, UnicodeDecodeError):
        return decode(data, path)
