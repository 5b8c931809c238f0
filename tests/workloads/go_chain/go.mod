module tacit/tests/go_chain

go 1.19
