// HTTP between goroutines over loopback, a socket by name, datagrams, refusals, timeouts, interfaces.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("listen", err)
		os.Exit(1)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Write([]byte(strings.ToUpper(string(b))))
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1<<20))
	})
	go http.Serve(l, mux)
	url := "http://" + l.Addr().String()
	var wg sync.WaitGroup
	var mu sync.Mutex
	ok := 0
	for i := 0; i < 8; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			for j := 0; j < 5; j++ {
				r, err := http.Post(url+"/echo", "text/plain", strings.NewReader(fmt.Sprintf("hello %d %d", i, j)))
				if err != nil {
					fmt.Println("post", err)
					return
				}
				b, _ := io.ReadAll(r.Body)
				r.Body.Close()
				if string(b) == fmt.Sprintf("HELLO %d %d", i, j) {
					mu.Lock()
					ok++
					mu.Unlock()
				}
			}
		}(i)
	}
	wg.Wait()
	fmt.Println("posts", ok)
	r, err := http.Get(url + "/big")
	n := int64(0)
	if err == nil {
		n, _ = io.Copy(io.Discard, r.Body)
	}
	fmt.Println("big", n, err)
	u, err := net.Listen("unix", "@go-corpus")
	fmt.Println("unix", err)
	go func() {
		c, _ := u.Accept()
		io.Copy(c, c)
		c.Close()
	}()
	c, err := net.Dial("unix", "@go-corpus")
	c.Write([]byte("round"))
	b := make([]byte, 5)
	io.ReadFull(c, b)
	fmt.Println(string(b))
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	q, err2 := net.Dial("udp", p.LocalAddr().String())
	q.Write([]byte("packet"))
	k, a, err3 := p.ReadFrom(b)
	fmt.Println(k, a.String() == q.LocalAddr().String(), err, err2, err3)
	_, err = net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
	fmt.Println(err)
	p.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	_, _, err = p.ReadFrom(b)
	fmt.Println(err.(net.Error).Timeout())
	ifs, err := net.Interfaces()
	fmt.Println(len(ifs) > 0 && ifs[0].Name == "lo", err)
	as, err := ifs[0].Addrs()
	fmt.Println(as[0], err)
}
