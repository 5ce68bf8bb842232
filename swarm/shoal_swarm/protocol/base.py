"""The one base of everything that travels: frozen, tagged by its kind, closed to unknown fields."""

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """A value that two parties exchange."""
