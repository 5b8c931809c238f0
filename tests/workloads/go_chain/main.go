// SPDX-License-Identifier: Apache-2.0

// The oracle's Go programs: who called whom is in the header X-Token.
//
//	go_chain backend [unix socket]               what every service of the oracle calls
//	go_chain serve NEXT_URL                      a service that calls, in each way Go has
//	go_chain load URL|unix:SOCKET REQUESTS CONCURRENCY PREFIX PATH,PATH…
//
// Variables: LISTEN (an address), POLL (calls that no request causes), CLOSE (a connection for each
// request). A service logs each call with the token of the request it is made for (workloads/calls.py).
package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// kind is "fast" or, for every third token, "slow".
func kind(token string) string {
	if spread(token)%3 == 0 {
		return "slow"
	}
	return "fast"
}

func spread(token string) uint32 {
	sum := fnv.New32a()
	sum.Write([]byte(token))
	return sum.Sum32() >> 4
}

func listen(network, address string) net.Listener {
	listener, err := net.Listen(network, address)
	if err != nil {
		log.Fatal(err)
	}
	port := 0
	if tcp, is := listener.Addr().(*net.TCPAddr); is {
		port = tcp.Port
	}
	fmt.Println("listening", port, os.Getpid())
	return listener
}

func address() string {
	if given := os.Getenv("LISTEN"); given != "" {
		return given
	}
	return "127.0.0.1:0"
}

func backend() {
	handle := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(time.Duration(spread(r.Header.Get("X-Token"))/3%50) * time.Millisecond)
		}
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "done "+r.Header.Get("X-Token"))
	}
	var listener net.Listener
	if len(os.Args) > 2 {
		listener = listen("unix", os.Args[2])
	} else {
		listener = listen("tcp", address())
	}
	log.Fatal(http.Serve(listener, http.HandlerFunc(handle)))
}

type service struct {
	next  string
	log   *os.File
	kept  *http.Client // keeps its connections, shared by all requests
	fresh *http.Client // a connection for each call
	jobs  chan func()
}

func (s *service) record(side, token, serving string) {
	fmt.Fprintf(s.log, "{\"side\": %q, \"token\": %q, \"serving\": %q, \"pid\": %d}\n",
		side, token, serving, os.Getpid())
}

func (s *service) call(client *http.Client, serving, name string) {
	token := serving + "." + name
	s.record("call", token, serving)
	request, _ := http.NewRequest("GET", s.next+"/"+kind(token), nil)
	request.Header.Set("X-Token", token)
	reply, err := client.Do(request)
	if err != nil {
		log.Fatal(err)
	}
	io.Copy(io.Discard, reply.Body)
	reply.Body.Close()
	s.record("done", token, serving)
}

func (s *service) sequential(client *http.Client, serving string) {
	s.call(client, serving, "0")
	s.call(client, serving, "1")
}

func (s *service) parallel(serving string) {
	var group sync.WaitGroup
	for i := 0; i < 3; i++ {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			s.call(s.kept, serving, strconv.Itoa(i))
		}(i)
	}
	group.Wait()
}

func (s *service) nested(serving string) {
	done := make(chan bool)
	go func() {
		go func() {
			s.call(s.kept, serving, "inner")
			done <- true
		}()
		s.call(s.fresh, serving, "outer")
		done <- true
	}()
	<-done
	<-done
}

// pooled hands the call to goroutines that lived before the request.
func (s *service) pooled(serving string) {
	done := make(chan bool)
	s.jobs <- func() { s.call(s.kept, serving, "0"); done <- true }
	<-done
}

func (s *service) handle(w http.ResponseWriter, r *http.Request) {
	serving := r.Header.Get("X-Token")
	switch r.URL.Path {
	case "/seq":
		s.sequential(s.kept, serving)
	case "/fresh":
		s.sequential(s.fresh, serving)
	case "/par":
		s.parallel(serving)
	case "/nested":
		s.nested(serving)
	case "/pause":
		time.Sleep(time.Duration(spread(serving)%20) * time.Millisecond)
		s.call(s.kept, serving, "0")
	case "/fire":
		go func() {
			time.Sleep(5 * time.Millisecond)
			s.call(s.kept, serving, "late")
		}()
	case "/pool":
		s.pooled(serving)
	default:
		w.WriteHeader(404)
	}
	io.WriteString(w, "served "+serving)
}

func serve() {
	file, err := os.OpenFile(os.Getenv("REQUEST_LOG"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	s := &service{next: os.Args[2], log: file, jobs: make(chan func())}
	s.kept = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	s.fresh = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for i := 0; i < 8; i++ {
		go func() {
			for job := range s.jobs {
				job()
			}
		}()
	}
	if os.Getenv("POLL") != "" { // calls that no request causes
		go func() {
			for i := 0; ; i++ {
				time.Sleep(20 * time.Millisecond)
				token := fmt.Sprintf("poll-%d", i)
				s.record("call", token, "")
				request, _ := http.NewRequest("GET", s.next+"/fast", nil)
				request.Header.Set("X-Token", token)
				if reply, err := s.kept.Do(request); err == nil {
					io.Copy(io.Discard, reply.Body)
					reply.Body.Close()
				}
				s.record("done", token, "")
			}
		}()
	}
	log.Fatal(http.Serve(listen("tcp", address()), http.HandlerFunc(s.handle)))
}

// dialWithoutTimeWait opens connections whose port is free again as soon as they are closed, so that a
// handful of client ports serves any number of connections at any speed.
func dialWithoutTimeWait(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	return conn, err
}

func load(base string, count, concurrency int, prefix string, paths []string) {
	transport := &http.Transport{MaxIdleConnsPerHost: concurrency}
	if strings.HasPrefix(base, "unix:") {
		path := strings.TrimPrefix(base, "unix:")
		base = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	if os.Getenv("CLOSE") != "" && transport.DialContext == nil {
		transport.DialContext = dialWithoutTimeWait
	}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	numbers := make(chan int)
	var failed int64
	var workers sync.WaitGroup
	ask := func(i int) {
		request, _ := http.NewRequest("GET", base+paths[i%len(paths)], nil)
		request.Header.Set("X-Token", fmt.Sprintf("%s-%d", prefix, i))
		request.Close = i%7 == 0 || os.Getenv("CLOSE") != ""
		reply, err := client.Do(request)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			atomic.AddInt64(&failed, 1)
			return
		}
		io.Copy(io.Discard, reply.Body)
		reply.Body.Close()
		if reply.StatusCode != 200 {
			fmt.Fprintln(os.Stderr, request.URL, reply.Status)
			atomic.AddInt64(&failed, 1)
		}
	}
	for n := 0; n < concurrency; n++ {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range numbers {
				ask(i)
			}
		}()
	}
	for i := 0; i < count; i++ {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
	if failed > 0 {
		log.Fatal(failed, " requests failed")
	}
}

func main() {
	switch os.Args[1] {
	case "backend":
		backend()
	case "serve":
		serve()
	case "load":
		count, _ := strconv.Atoi(os.Args[3])
		concurrency, _ := strconv.Atoi(os.Args[4])
		load(os.Args[2], count, concurrency, os.Args[5], strings.Split(os.Args[6], ","))
	}
}
