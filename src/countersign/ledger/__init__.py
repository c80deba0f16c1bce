"""Evidence nobody can rewrite unseen: sealed segments, and a transparency log of statements about them.

Fit for use on its own: it knows nothing of events, providers or parsers.

    sealed = archive.put(raw)                          # before anything is understood
    log.append([SegmentStatement(...).to_bytes()])     # one signed head for a batch of leaves
    verify(archive, log, frame).raise_for_problems()
"""

from countersign.ledger.archive import MAX_RAW, Archive, Opened, Sealed
from countersign.ledger.log import Log
from countersign.ledger.merkle import verify_consistency, verify_inclusion
from countersign.ledger.note import Checkpoint, Signer, Verifier
from countersign.ledger.proof import LeafProof, prove_growth, prove_leaf, verify_leaf
from countersign.ledger.records import RecordProof, record_proof, records_root, verify_record
from countersign.ledger.report import Problem, Report
from countersign.ledger.statement import (
    ImportStatement,
    OtherStatement,
    Parser,
    RecordsStatement,
    SegmentStatement,
    Statement,
    canonical_bytes,
    parse_statement,
)
from countersign.ledger.verify import verify

__all__ = [
    "MAX_RAW",
    "Archive",
    "Checkpoint",
    "ImportStatement",
    "LeafProof",
    "Log",
    "Opened",
    "OtherStatement",
    "Parser",
    "Problem",
    "RecordProof",
    "RecordsStatement",
    "Report",
    "Sealed",
    "SegmentStatement",
    "Signer",
    "Statement",
    "Verifier",
    "canonical_bytes",
    "parse_statement",
    "prove_growth",
    "prove_leaf",
    "record_proof",
    "records_root",
    "verify",
    "verify_consistency",
    "verify_inclusion",
    "verify_leaf",
    "verify_record",
]
