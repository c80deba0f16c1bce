"""TBD agreements"""
