"""The network edge: the central server over HTTP, the stream over a WebSocket, and who this machine says it is."""
