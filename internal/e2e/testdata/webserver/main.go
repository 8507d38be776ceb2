// Webserver is what tests run as a service: it says who it is, serves what has
// begun when it is told to end, and fails its health check while a file is there.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(5 * time.Millisecond) // so that requests are under way when it ends
		fmt.Fprintf(w, "%s of %s\n", os.Getenv("TENDER_ALLOC_INDEX"), os.Getenv("VERSION"))
	})
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if _, err := os.Stat("local/sick"); err == nil || os.Getenv("SICK") != "" {
			http.Error(w, "feeling sick", http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Addr: os.Getenv("TENDER_ADDR_http"), Handler: mux}
	ended := make(chan struct{}) // with what was under way
	go func() {
		defer close(ended)
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Shutdown(end)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-ended
}
