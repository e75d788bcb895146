"""A small SIP telephone of our own: registers, calls, answers, sends a tone and measures what it hears.

`message`, `digest`, `sdp`, `rtp`, `g711`, `tone` are pure; `wire`, `media`, `agent` hold the sockets.
RFC 3261 (SIP), 7616 (digest), 4566 (SDP), 3550 (RTP), ITU-T G.711 (A-law). One call at a time, over UDP.
"""
