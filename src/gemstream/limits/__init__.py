"""The awaiting face of ``policy.limit``: who may send now, who waits, and for how long.

One lane for each account and model: first come, first served, in all threads and event loops of
the process. The books are kept in memory, in a file that the machine's processes share, or in
Redis.
"""
