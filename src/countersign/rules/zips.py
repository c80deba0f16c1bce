"""What the standard library lets out for zips that are damaged, encrypted, or packed as it cannot unpack."""

from __future__ import annotations

import lzma
import zipfile
import zlib

ZIP_FAILURES = (
    OSError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,  # how zipfile refuses a compression or version that it does not know
    RuntimeError,
    EOFError,
    ValueError,
)
