"""QR of a tall matrix as a product of reflections, applied to what is needed and never written out.

A QR costs LAPACK two passes: one to find R, one to write out Q. The exact merge needs Q only times a
narrow matrix, and numpy's `qr` works without blocks at up to 128 columns, which is just where merges
live. So: factor 32 columns at a time with numpy, keep the reflections of each panel in the form

    H1 H2 ... Hw = I - V T Vᵀ          V: reflection vectors, T: a small upper triangle

and let matrix products do the rest. A merge takes about half the time that it takes with `numpy.linalg.qr`
(tests/benchmarks/merge_core.py shows both), and is as stable: reflections lose nothing when columns depend
on each other, which contributions that started from one adapter always nearly do.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

PANEL_COLUMNS = 32
"""Wide enough for matrix products, narrow enough for numpy's column-wise panel; 24 to 64 measured alike."""


@dataclass(frozen=True, slots=True, eq=False)
class _Panel:
    """The reflections of one panel; they leave the rows above `top` alone."""

    top: int
    vectors: Matrix
    triangle: Matrix


@dataclass(frozen=True, slots=True, eq=False)
class Reflections:
    """A matrix as Q R: `triangle` is R, and `apply` multiplies with Q."""

    rows: int
    triangle: Matrix
    panels: tuple[_Panel, ...]

    @staticmethod
    def of(matrix: Matrix) -> "Reflections":
        """Factor a matrix of any shape; it is left as it was."""
        work = np.array(matrix, dtype=np.float64, order="C")
        rows, columns = work.shape
        thin = min(rows, columns)
        panels = []
        for start in range(0, thin, PANEL_COLUMNS):
            end = min(start + PANEL_COLUMNS, thin)
            panel = _panel(start, work[start:, start:end])
            work[start:end, start:end] = panel[1]
            rest = work[start:, end:]
            rest -= panel[0].vectors @ (panel[0].triangle.T @ (panel[0].vectors.T @ rest))
            panels.append(panel[0])
        return Reflections(rows, np.triu(work[:thin]), tuple(panels))

    def apply(self, coordinates: Matrix) -> Matrix:
        """Q times `coordinates`, which has as many rows as R."""
        result = np.zeros((self.rows, coordinates.shape[1]))
        result[: coordinates.shape[0]] = coordinates
        for panel in reversed(self.panels):
            below = result[panel.top :]
            below -= panel.vectors @ (panel.triangle @ (panel.vectors.T @ below))
        return result


def _panel(top: int, columns: Matrix) -> tuple[_Panel, Matrix]:
    """The reflections that make these columns triangular, and the triangle."""
    packed, strengths = np.linalg.qr(columns, mode="raw")
    width = columns.shape[1]
    vectors = np.tril(packed.T, -1)
    vectors[np.arange(width), np.arange(width)] = 1.0
    # T is the inverse of D⁻¹ + the overlaps above the diagonal, D being the strengths; so written, D may hold zeros.
    above = strengths[:, np.newaxis] * np.triu(vectors.T @ vectors, 1)
    triangle = np.linalg.solve(np.eye(width) + above, np.diag(strengths))
    return _Panel(top, vectors, triangle), np.triu(packed.T[:width])
