"""TBD lake"""
