package client_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tender-scheduler/tender/api/client"
)

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"":                                "127.0.0.1:7070",
		"m1":                              "m1:7070",
		"m1:80, m2:81 ,,http://m3:82/":    "m1:80 m2:81 m3:82",
		"[::1]:7171,[fe80::1]":            "[::1]:7171 [fe80::1]:7070",
		"https://m1:7070":                 `parse address "https://m1:7070": scheme "https" is not supported, want host:port or http://host:port`,
		"m1:70700":                        `parse address "m1:70700": port "70700" is not a number from 1 to 65535`,
		"m1:0":                            `parse address "m1:0": port "0" is not a number from 1 to 65535`,
		":7070":                           `parse address ":7070": want host:port`,
		"m1:7070/path":                    `parse address "m1:7070/path": port "7070/path" is not a number from 1 to 65535`,
		"a b:7070":                        `parse address "a b:7070": want host:port`,
		"user@m1:7070":                    `parse address "user@m1:7070": want host:port`,
		"[::1:7070":                       `parse address "[::1:7070": want host:port (an IPv6 address in brackets)`,
		"http://127.0.0.1:7070,127.0.0.1": "127.0.0.1:7070 127.0.0.1:7070",
	} {
		var got string
		if c, err := client.New(client.ParseAddresses(in)); err != nil {
			got = err.Error()
		} else {
			got = strings.Join(c.Addresses(), " ")
		}
		if got != want {
			t.Errorf("%q: got %s\nwant %s", in, got, want)
		}
	}
	if got := client.ParseAddresses(" a,b "); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("a list of two: %q", got)
	}
}
