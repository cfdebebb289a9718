// Goroutines for `make bench`: workers, channels, a mutex, timers, a hash and a file.
package main

import (
	"crypto/sha256"
	"fmt"
	"os"
	"sync"
	"time"
)

func main() {
	var wait sync.WaitGroup
	var lock sync.Mutex
	jobs, results := make(chan int), make(chan int, 16)
	total, seen := 0, 0
	for w := 0; w < 16; w++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for job := range jobs {
				lock.Lock()
				seen++
				lock.Unlock()
				results <- job * job
			}
		}()
	}
	go func() {
		for i := 0; i < 2000; i++ {
			jobs <- i
		}
		close(jobs)
		wait.Wait()
		close(results)
	}()
	for value := range results {
		total += value
	}
	for i := 0; i < 10; i++ {
		wait.Add(1)
		go func() { defer wait.Done(); time.Sleep(time.Millisecond) }()
	}
	wait.Wait()
	sum := sha256.Sum256(make([]byte, 1<<20))
	err := os.WriteFile("goroutines.tmp", sum[:], 0600)
	fmt.Println(total, seen, err, os.Remove("goroutines.tmp"))
}
