"""A whole platform in one thread under virtual time: centre, node, simulated exchange, the network between them.

The code that runs is the real code: the engine with its loops, the executor, ccxt, the node's HTTP service, the simulated
exchange. Only what is outside of it is made here: the clock, the event loop, the wire, and randomness, all from a seed.
A process that crashes never runs another line; what it had sent is under way, what it had not committed is gone.
"""
