"""Parses and validates kickstarts with pykickstart, all in one process.

Arguments: version and files. Prints how many were refused and how many seconds
the loop took, without the start of the interpreter and the imports.
"""
import sys
import time
import warnings

from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

version, files = sys.argv[1], sys.argv[2:]
warnings.simplefilter("ignore")
makeVersion(version)
refused = 0
start = time.monotonic()
for name in files:
    parser = KickstartParser(makeVersion(version), followIncludes=False)
    try:
        parser.readKickstart(name)
    except Exception:
        refused += 1
print(refused, time.monotonic() - start)
