"""A profile: what a host offers. It maps the names in tasks to this host's files, and stays on the host.

Node and orchestrator both read it and may not import each other, so it lies on the ground floor; what a host
allows to whom is the orchestrator's own matter.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from shoal_swarm.spec.located import Section, read_model
from shoal_swarm.spec.words import NODES_MAX, ModelName, Name, Word

KIND = "profile/v1"


class Dataset(Section):
    """A file of data that a node may read."""

    path: Word
    """Relative to the profile's folder."""
    mode: Literal["ro"] = "ro"


class NodeOffered(Section):
    """A node of this host."""

    name: Name
    address: Word = "127.0.0.1:0"
    """Where other nodes reach it, HOST:PORT; port 0 takes a free one."""
    output: Word
    """The folder for what comes out, relative to the profile's folder."""
    datasets: dict[Name, Dataset]
    gpus: Literal["none", "all"] | tuple[Annotated[int, Field(ge=0, le=63)], ...] = "none"


class Profile(Section):
    """What a host offers."""

    shoal: Literal["profile/v1"] = "profile/v1"
    host: Name
    engine: Literal["process"] = "process"
    nodes: Annotated[tuple[NodeOffered, ...], Field(min_length=1, max_length=NODES_MAX)]
    models: dict[ModelName, Word] = Field(default_factory=dict)
    """Folders of base models, relative to the profile's folder; the embedded ones need no entry."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for what, values in (
            ("name", [node.name for node in self.nodes]),
            ("output", [node.output for node in self.nodes]),
        ):
            twice = [value for value in values if values.count(value) > 1]
            if twice:
                raise ValueError(f"two nodes have the {what} {twice[0]}. Give each its own.")
        return self

    def node(self, name: str) -> NodeOffered | None:
        """The node of that name."""
        return next((node for node in self.nodes if node.name == name), None)


def read_profile(content: bytes, source: str) -> Profile:
    """The profile in a file."""
    return read_model(content, source, Profile, KIND)
