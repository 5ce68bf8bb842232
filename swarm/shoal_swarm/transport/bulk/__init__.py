"""Contents on their way: announced by hash, sent in chunks under credit, verified before anybody may use them.

    sender                                   receiver
    Announce(content, size, root)     ──►    known? wanted? room on disk?
                                      ◄──    Grant(first, until)     or Done, or Decline
    Hashes(top), Hashes(group 0)      ──►    each list is checked against the one above it, the top against root
    Chunk(first), Chunk(first+1) ...  ──►    each chunk is checked against its list, then written
                                      ◄──    Grant(first, until + more) as chunks are on disk
                                      ◄──    Done: all bytes have the content's hash and are durable

Chunks travel in order. So the state of a transfer is one number, resuming is a Grant that begins further on,
and anything out of order is a broken peer. A content of one chunk is the payload of its announcement.
"""
