"""TBD rules"""
