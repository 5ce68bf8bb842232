"""The border between parties: who may connect, what they may say, and how tensors travel.

Five nouns. An `Endpoint` is one party's end of the wire. A `Link` is a greeted connection to one other party,
who is known by certificate. A `Pump` carries a link's bytes between TLS and libzmq. A `Transfer` moves one
content, named by its hash, over a bulk link. `Limits` bound all of it.
"""
