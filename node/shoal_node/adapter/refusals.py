"""What the edge turns away; each refusal names its tensor."""

from shoal_base.errors import InputRefused


class AdapterRefused(InputRefused):
    """A model or an adapter that cannot be trained together; the sentence names the tensor."""

    def __init__(self, tensor: str, sentence: str) -> None:
        super().__init__(sentence)
        self.tensor = tensor

    def facts(self) -> dict[str, object]:
        """The tensor by name, beside the sentence."""
        return {**super().facts(), "tensor": self.tensor}
