"""HTTP to whatever is outside: one place that gives every call its deadline and every answer its limits.

What answers is trusted in nothing. It may send a byte a second for ever, an answer without an end, a small one that
unpacks to gigabytes, or lead elsewhere. So whoever calls something outside does it over a `client.Session` and says by
`limits.Limits` how long and how large; what an answer holds is read by `shapes`, which tells what it should have been.
"""
