"""The matrix: everything that can break, the box it is done to, and what is promised all the same."""

from tests.faults import strikes
from tests.faults.run import Fault

MATRIX = (Fault("nothing breaks", strikes.nothing, bound=3.0, typical=1.0),)
