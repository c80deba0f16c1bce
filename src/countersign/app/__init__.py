"""TBD app"""
