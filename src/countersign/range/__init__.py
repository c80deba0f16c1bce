"""TBD range"""
