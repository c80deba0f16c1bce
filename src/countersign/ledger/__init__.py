"""TBD ledger"""
