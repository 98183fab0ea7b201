"""What a measurement returns: an object that prints, converts and saves itself."""

import os
from dataclasses import asdict

from rmkit.files import write_json


class Result:
    """The base of the dataclasses that functions of `rmkit` return; each says in `__str__` what `print` shows."""

    def to_dict(self) -> dict:
        """Plain numbers, ready for JSON."""
        return asdict(self)  # type: ignore[call-overload]  # each subclass is a dataclass

    def save(self, path: str | os.PathLike) -> None:
        """Write it as JSON, whole or not at all."""
        write_json(path, self.to_dict())

    def __repr__(self) -> str:
        return str(self)
