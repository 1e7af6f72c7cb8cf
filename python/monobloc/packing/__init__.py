"""Reading fitted scikit-learn models and writing them as blocs.

`pack` reads, `check` says beforehand what could not be read. Importing this
package imports neither NumPy nor scikit-learn; calling its functions does.
"""

from .checking import CheckReport, Finding, check
from .pack import pack
from .report import PackReport
from .sanity import edit_sanity

__all__ = ["CheckReport", "Finding", "PackReport", "check", "edit_sanity", "pack"]
