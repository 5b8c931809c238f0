module tacit/tests/go_goroutines

go 1.18
