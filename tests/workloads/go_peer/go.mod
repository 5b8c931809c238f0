module tacit/tests/go_peer

go 1.19
