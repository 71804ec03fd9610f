"""The console: pages that show all workers of a group, and let whoever has the token act.

app.py puts it together; one module a page; pages.py renders, safety.py guards, live.py sends what changes.
"""
