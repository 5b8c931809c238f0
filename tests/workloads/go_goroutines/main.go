// SPDX-License-Identifier: Apache-2.0

// Servers, their clients and a load in one process; each call says in its X-Serving header for which
// request (X-Token) it is made, so whoever sees the bytes knows the truth.
//
//	go_goroutines REQUESTS CONCURRENCY
//
// Prints "ready", waits for a line, works, and prints the number of calls made.
package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// wrapped is what connection pools and tracers make of a connection.
type wrapped struct {
	net.Conn
	written int64
}

type front struct {
	backend string
	calls   int64
	late    sync.WaitGroup
	clients []*http.Client // plain, wrapped, over a unix socket, a connection a call
}

func (f *front) call(serving string, number int) {
	request, _ := http.NewRequest("GET", f.backend+"/back", nil)
	request.Header.Set("X-Serving", serving)
	client := f.clients[(len(serving)+number)%len(f.clients)]
	reply, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, reply.Body)
	reply.Body.Close()
	atomic.AddInt64(&f.calls, 1)
}

func (f *front) parallel(serving string, depth int) {
	var group sync.WaitGroup
	for i := 0; i < 3; i++ {
		group.Add(1)
		go func(number int) {
			defer group.Done()
			if depth > 1 {
				f.parallel(serving, depth-1)
			}
			f.call(serving, number)
		}(i)
	}
	group.Wait()
}

// deep calls with so much stack that it was moved on the way.
func (f *front) deep(serving string, depth int) int {
	var room [512]byte
	if depth == 0 {
		f.call(serving, 0)
		return int(room[len(serving)])
	}
	return f.deep(serving, depth-1) + int(room[depth])
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serving := r.Header.Get("X-Token")
	io.Copy(io.Discard, r.Body)
	switch r.URL.Path {
	case "/one":
		f.call(serving, 0)
	case "/three":
		for i := 0; i < 3; i++ {
			f.call(serving, i)
		}
	case "/parallel":
		f.parallel(serving, 1)
	case "/nested":
		f.parallel(serving, 2)
	case "/deep":
		f.deep(serving, 64)
	case "/orphan": // the caller and the goroutine between are gone when the call is made
		f.late.Add(1)
		go func() {
			go func() {
				defer f.late.Done()
				time.Sleep(3 * time.Millisecond)
				f.call(serving, 0)
			}()
		}()
	}
	io.WriteString(w, "served "+serving)
}

func clients(unixPath string) []*http.Client {
	dial := func(make func(net.Conn) net.Conn, network, address string) *http.Client {
		return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 20,
			DialContext: func(ctx context.Context, n, a string) (net.Conn, error) {
				if network != "" {
					n, a = network, address
				}
				connection, err := new(net.Dialer).DialContext(ctx, n, a)
				if err != nil {
					return nil, err
				}
				return make(connection), nil
			}}}
	}
	same := func(c net.Conn) net.Conn { return c }
	return []*http.Client{
		{Transport: &http.Transport{MaxIdleConnsPerHost: 20}},
		dial(func(c net.Conn) net.Conn { return &wrapped{Conn: c} }, "", ""),
		dial(same, "unix", unixPath),
		{Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

func serve(network, address string, handler http.Handler) net.Addr {
	listener, err := net.Listen(network, address)
	if err != nil {
		log.Fatal(err)
	}
	go http.Serve(listener, handler)
	return listener.Addr()
}

func load(base string, count, concurrency int) {
	paths := []string{"/one", "/three", "/parallel", "/nested", "/deep", "/orphan"}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency}}
	numbers := make(chan int)
	var workers sync.WaitGroup
	for n := 0; n < concurrency; n++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range numbers {
				var body io.Reader
				if i%5 == 0 {
					body = &io.LimitedReader{R: zeros{}, N: 3000}
				}
				request, _ := http.NewRequest("POST", base+paths[i%len(paths)], body)
				request.Header.Set("X-Token", "t"+strconv.Itoa(i))
				reply, err := client.Do(request)
				if err != nil {
					log.Fatal(err)
				}
				io.Copy(io.Discard, reply.Body)
				reply.Body.Close()
			}
		}()
	}
	for i := 0; i < count; i++ {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func main() {
	count, _ := strconv.Atoi(os.Args[1])
	concurrency, _ := strconv.Atoi(os.Args[2])
	unixPath := "@tacit-go-" + strconv.Itoa(os.Getpid())
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Duration(time.Now().UnixNano()%3) * time.Millisecond)
		io.WriteString(w, "done")
	})
	serve("unix", unixPath, backend)
	f := &front{backend: "http://" + serve("tcp", "127.0.0.1:0", backend).String(), clients: clients(unixPath)}
	base := "http://" + serve("tcp", "127.0.0.1:0", f).String()
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadString('\n')
	load(base, count, concurrency)
	f.late.Wait()
	fmt.Println(atomic.LoadInt64(&f.calls))
}
