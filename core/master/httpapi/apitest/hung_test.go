package apitest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tender-scheduler/tender/api/client"
	"github.com/tender-scheduler/tender/core/master/httpapi/apitest"
	"github.com/tender-scheduler/tender/core/model"
)

// hang returns the address of a master whose process is stopped: the kernel takes
// connections and what is sent over them, and nothing ever comes back.
func hang(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func impatient(t *testing.T, patience time.Duration, addresses ...string) *client.Client {
	c, err := client.New(addresses, client.WithPatience(patience), client.WithPulse(50*time.Millisecond, 100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// A master that takes connections and answers nothing is not waited for: there is
// another one.
func TestAMasterThatHangsIsPassedOver(t *testing.T) {
	m := apitest.New(epoch)
	c := impatient(t, time.Minute, hang(t), serve(t, handler(t, m)))
	if _, err := c.Status(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// Where there is no other, the trying ends, and says what the matter is.
func TestAllMastersHang(t *testing.T) {
	for _, call := range []func(*client.Client) error{
		func(c *client.Client) error { _, err := c.Status(context.Background()); return err },
		func(c *client.Client) error {
			_, err := c.Logs(context.Background(), model.ReadLog{Selector: "last", Follow: true})
			return err
		},
		func(c *client.Client) error {
			for _, err := range c.Events(context.Background(), 0, "") {
				return err
			}
			return nil
		},
	} {
		err := call(impatient(t, 300*time.Millisecond, hang(t)))
		if _, ok := errors.AsType[*client.UnreachableError](err); !ok || !strings.Contains(err.Error(), "takes connections, but does not answer") {
			t.Errorf("%v", err)
		}
	}
}

// One that hangs after it has answered is waited for no longer than any other failover.
func TestAMasterBeginsToHang(t *testing.T) {
	m := apitest.New(epoch)
	h := handler(t, m)
	var stopped sync.WaitGroup
	stop := make(chan struct{})
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
			stopped.Wait()
		default:
			h.ServeHTTP(w, r)
		}
	}))
	stopped.Add(1)
	defer stopped.Done()
	c := impatient(t, 300*time.Millisecond, address)
	if _, err := c.Status(context.Background()); err != nil {
		t.Fatal(err)
	}
	close(stop)
	_, err := c.Status(context.Background())
	if _, ok := errors.AsType[*client.UnreachableError](err); !ok {
		t.Errorf("a query ends with %v", err)
	}
}

// A stream that brings nothing is left alone while its master is there, and given up
// when it hangs.
func TestAStreamWhoseMasterHangs(t *testing.T) {
	var stopped sync.WaitGroup
	stopped.Add(1)
	stop := make(chan struct{})
	pulses := make(chan struct{}, 100)
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			select {
			case <-stop:
				stopped.Wait()
			case pulses <- struct{}{}:
			default:
			}
			return
		}
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "some")
		_ = http.NewResponseController(w).Flush()
		stopped.Wait()
	}))
	defer stopped.Done()
	c := impatient(t, 300*time.Millisecond, address)
	s, err := c.Logs(context.Background(), model.ReadLog{Selector: "last", Offset: -4})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	buf := make([]byte, 10)
	if n, err := s.Read(buf); err != nil || string(buf[:n]) != "some" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	read := make(chan error)
	go func() {
		_, err := s.Read(buf)
		read <- err
	}()
	for range 3 {
		select {
		case <-pulses:
		case err := <-read:
			t.Fatalf("the stream ended although its master is there: %v", err)
		}
	}
	close(stop)
	if err := <-read; err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("the stream ends with %v", err)
	}
}
