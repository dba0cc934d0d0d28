"""Other profiles that lend their persona, answers and knowledge to a question."""

from assistant.errors import SettingsError
from assistant.settings import Settings, load_profile


class Profiles:
    """The profile of the running assistant, and others by name or path, which are loaded once.

    Engine, embedding model, data folder, database, queue and the readers of collections are always those of the running
    assistant.
    """

    def __init__(self, own: Settings) -> None:
        self.own = own
        self._others: dict[str, Settings] = {}

    def get(self, profile: str) -> Settings:
        """The profile; the running assistant's own when the name is empty. Raises SettingsError."""
        if not profile:
            return self.own
        if profile not in self._others:
            self._others[profile] = self._load(profile)
        return self._others[profile]

    def _load(self, profile: str) -> Settings:
        other = load_profile(profile, self.own.data_dir)
        wanted, own = other.knowledge.embedding_model, self.own.knowledge.embedding_model
        if wanted != own:
            raise SettingsError(
                f"The profile {profile!r} asks for the embedding model {wanted!r}; the assistant runs with {own!r}.",
                f'Set [knowledge] embedding_model = "{own}" in it, or run another assistant with it.',
            )
        for collection, readers in other.knowledge.readers.items():
            if self.own.knowledge.readers.get(collection) != readers:
                raise SettingsError(
                    f"The profile {profile!r} has other readers of the collection {collection!r} than the assistant "
                    "that it is lent to.",
                    "Say the same in both under [knowledge.readers], or say it only in the profile that is run.",
                )
        return other
