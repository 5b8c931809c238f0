module tacit/tests/bench/probe_loops

go 1.19
