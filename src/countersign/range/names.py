"""Names of people, taken by number so that they never run out."""

from __future__ import annotations

FIRST = (
    "Alice Amir Anna Asha Ben Bola Carla Chidi Clara Dana David Deepa Elena Emeka Erik Eva Farid Fiona Femi Grace Hana "
    "Hugo Ibrahim Ines Isaac Jan Jana Jonas Joy Kai Karim Kate Kwame Lara Leo Lina Lucy Maja Marco Marta Musa Nadia Neil "
    "Nina Noor Olga Omar Owen Paul Petra Priya Rafael Rana Ravi Rosa Ruben Ruth Sam Sara Sean Sofia Sunita Tariq Tess "
    "Tom Uma Vera Victor Wei Yara Yusuf Zara Zoe"
).split()
LAST = (
    "Abbott Adeyemi Ahmed Bailey Banerjee Barnes Bauer Bennett Boateng Brandt Castellanos Chowdhury Clarke Costa Cooper "
    "Dawson Diaz Dubois Eze Farrow Fischer Foster Fraser Garcia Gill Grant Greene Gupta Haddad Harris Hayes Hoffmann "
    "Hughes Iyer Jackson Jansen Joshi Kaur Keller Khan Kowalski Lambert Larsen Lewis Lindqvist Lopez Mahmoud Marsh "
    "Martin Mensah Meyer Moreau Morgan Mukherjee Murphy Nakamura Novak Nowak Obi Okafor Osei Owens Patel Pereira "
    "Quinn Rahman Reid Rossi Sandhu Santos Schmidt Sharma Silva Singh Stewart Suzuki Taylor Thomas Turner Usman Vance "
    "Vogel Walsh Weber Whitlock Wilkins Wright Yamada Young Zhang Zimmer"
).split()


def person(number: int) -> tuple[str, str]:
    """First and last name of person `number`; the same names come again after some 6,700."""
    return FIRST[(number * 31 + number // len(LAST)) % len(FIRST)], LAST[(number * 17) % len(LAST)]


def account(first: str, last: str, number: int) -> str:
    """`a.bennett`, with a number where that was taken."""
    base = f"{first[0]}.{last}".lower()
    return base if number == 0 else f"{base}{number + 1}"
