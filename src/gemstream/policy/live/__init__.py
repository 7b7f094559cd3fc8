"""A Live session as decisions: what may be said when, what it means, how it goes on after a loss.

Pure: one ``LiveProtocol`` judges one connection; ``Resumption`` and the verdicts outlive it.
"""
