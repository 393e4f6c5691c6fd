"""The wire protocol: messages, codec and connection state machines. Pure: no sockets, no clocks."""
