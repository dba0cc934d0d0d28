"""Pages of a web site into files that the loaders read.

Only what a site's owner lets programs read, only from the host that was named, and never from inside the network that
this runs in, unless that is allowed. Import it where it is used: it loads the HTTP client.
"""

from knowledge.errors import GoneError
from knowledge.web.pages import Download, Web
from knowledge.web.urls import page_url

__all__ = ["Download", "GoneError", "Web", "page_url"]
