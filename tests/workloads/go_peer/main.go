// SPDX-License-Identifier: Apache-2.0

// Go's net/http, as server and as client.
//
//	go_peer server
//	go_peer client URL REQUESTS CONCURRENCY PREFIX
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

var requestLog *os.File

func record(side, method, path string, status int, rest map[string]interface{}) {
	line := map[string]interface{}{"side": side, "method": method, "path": path, "status": status,
		"end_ns": time.Now().UnixNano()}
	for name, value := range rest {
		line[name] = value
	}
	text, _ := json.Marshal(line)
	if _, err := requestLog.Write(append(text, '\n')); err != nil {
		log.Fatal(err)
	}
}

func port(address string) int {
	_, text, _ := net.SplitHostPort(address)
	number, _ := strconv.Atoi(text)
	return number
}

func handle(w http.ResponseWriter, r *http.Request) {
	begin := time.Now().UnixNano()
	received, _ := io.Copy(io.Discard, r.Body)
	status, _ := strconv.Atoi(r.Header.Get("X-Reply-Status"))
	size, _ := strconv.Atoi(r.Header.Get("X-Reply-Bytes"))
	if status == 204 || r.Method == "HEAD" {
		size = 0
	} else if r.Header.Get("X-Reply-Chunked") != "1" {
		w.Header().Set("Content-Length", strconv.Itoa(size))
	}
	w.WriteHeader(status)
	w.Write(bytes.Repeat([]byte("x"), size))
	local := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	record("server", r.Method, r.URL.Path, status, map[string]interface{}{
		"request_bytes": received, "response_bytes": size, "start_ns": begin,
		"server_port": port(local.String()), "client_port": port(r.RemoteAddr)})
}

func serve() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening", port(listener.Addr().String()), os.Getpid())
	log.Fatal(http.Serve(listener, http.HandlerFunc(handle)))
}

var methods = []string{"GET", "POST", "PUT", "DELETE"}
var statuses = []int{200, 201, 404, 500, 204}

func send(client *http.Client, base, prefix string, i int) {
	method := methods[i%len(methods)]
	path := fmt.Sprintf("/items/%s-%d", prefix, i)
	var body []byte
	if method == "POST" || method == "PUT" {
		body = bytes.Repeat([]byte("b"), (i*31)%4000+1)
	}
	request, _ := http.NewRequest(method, base+path, bytes.NewReader(body))
	request.Header.Set("X-Reply-Status", strconv.Itoa(statuses[i%len(statuses)]))
	request.Header.Set("X-Reply-Bytes", strconv.Itoa((i*777)%9000))
	if i%3 == 0 {
		request.Header.Set("X-Reply-Chunked", "1")
	}
	begin := time.Now().UnixNano()
	reply, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	size, _ := io.Copy(io.Discard, reply.Body)
	reply.Body.Close()
	where, _ := url.Parse(base)
	record("client", method, path, reply.StatusCode, map[string]interface{}{
		"request_bytes": len(body), "response_bytes": size, "start_ns": begin,
		"server_port": port(where.Host)})
}

func ask(base string, count, concurrency int, prefix string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}}
	numbers := make(chan int)
	var workers sync.WaitGroup
	for n := 0; n < concurrency; n++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range numbers {
				send(client, base, prefix, i)
			}
		}()
	}
	for i := 0; i < count; i++ {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
}

func main() {
	var err error
	requestLog, err = os.OpenFile(os.Getenv("REQUEST_LOG"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	if os.Args[1] == "server" {
		serve()
		return
	}
	count, _ := strconv.Atoi(os.Args[3])
	concurrency, _ := strconv.Atoi(os.Args[4])
	ask(os.Args[2], count, concurrency, os.Args[5])
}
