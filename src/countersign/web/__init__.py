"""TBD web"""
