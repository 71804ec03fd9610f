"""What happens to planned requests: order, retries, dead letters, and what may be committed.

Policies and state machines are told the time and the dice; `dispatcher` is the one loop that acts, and
it touches the world only through the ports in `ports`.
"""
