"""The contracts between the stages: what each file holds, and how it is read and written without surprises.

Readers treat every file as broken or hostile until shown otherwise; writers publish a whole result or nothing.
"""
