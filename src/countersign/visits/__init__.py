"""TBD visits"""
