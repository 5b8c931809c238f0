// SPDX-License-Identifier: Apache-2.0

// A loop that starts goroutines: reads "NAME:COUNT", prints ns of CPU for each.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

func cpu() int64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

func main() {
	runtime.GOMAXPROCS(1)
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		count, _ := strconv.Atoi(strings.Split(lines.Text(), ":")[1])
		var group sync.WaitGroup
		began := cpu()
		for i := 0; i < count; i++ {
			group.Add(1)
			go group.Done()
			if i%100 == 0 {
				group.Wait()
			}
		}
		group.Wait()
		fmt.Println(float64(cpu()-began) / float64(count))
	}
}
