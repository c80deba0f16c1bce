"""TBD cli"""
