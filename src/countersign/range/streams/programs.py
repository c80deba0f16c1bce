"""What staff start, as the templates of processes want it."""

from __future__ import annotations

import hashlib

from countersign.range.writers.windows import escaped

PROGRAMS = (
    (r"C:\Program Files\Google\Chrome\Application\chrome.exe", "", "Google Chrome", "Google LLC", 26),
    (r"C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE", "", "Microsoft Outlook", "Microsoft Corporation", 12),
    (r"C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE", " /n", "Microsoft Word", "Microsoft Corporation", 12),
    (r"C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE", "", "Microsoft Excel", "Microsoft Corporation", 10),
    (r"C:\Windows\System32\notepad.exe", "", "Notepad", "Microsoft Corporation", 5),
    (r"C:\Program Files (x86)\Adobe\Acrobat Reader DC\Reader\AcroRd32.exe", "", "Adobe Acrobat Reader", "Adobe Inc.", 8),
    (r"C:\Windows\System32\cmd.exe", " /c logon.cmd", "Windows Command Processor", "Microsoft Corporation", 3),
    (r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", r" -NoProfile -File C:\Scripts\inventory.ps1",
     "Windows PowerShell", "Microsoft Corporation", 3),
    (r"C:\Windows\System32\rundll32.exe", r" C:\Windows\System32\shell32.dll,Control_RunDLL", "Windows host process (Rundll32)",
     "Microsoft Corporation", 3),
    (r"C:\Windows\System32\net.exe", r" use P: \\FILE01\Public", "Net Command", "Microsoft Corporation", 2),
    (r"C:\Windows\System32\svchost.exe", " -k netsvcs -p", "Host Process for Windows Services", "Microsoft Corporation", 10),
    (r"C:\Windows\System32\conhost.exe", " 0x4", "Console Window Host", "Microsoft Corporation", 6),
)  # fmt: skip
"""What staff start: path, arguments, description, company, how often."""
_NUMBERS = [number for number, program in enumerate(PROGRAMS) for _ in range(program[4])]


def program(seed: int) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """The program of a row: image, command line, description, company, hashes."""
    return _READY[_NUMBERS[seed % len(_NUMBERS)]]


def hashes_of(image: str) -> bytes:
    """Hashes that follow from a path; no two programs have the same."""
    digest = hashlib.sha256(image.lower().encode()).hexdigest().upper()
    return f"MD5={digest[:32]},SHA256={digest},IMPHASH={digest[32:]}".encode()


def _program(
    image: str, arguments: str, description: str, company: str
) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    command = f'"{image}"{arguments}' if " " in image else f"{image}{arguments}"
    return escaped(image), escaped(command), escaped(description), escaped(company), hashes_of(image)


_READY = [_program(*one[:4]) for one in PROGRAMS]
BROWSER = _READY[0][0]
