// Reads envelopes of document 004, one a line, and checks each signature in
// the ways that a server in Go would: the payload as any value, as any value
// with numbers as they are spelled, and as raw text, all written by
// json.Marshal.
//
//	go run verify004.go SECRET <LINES
//
// Says of each type how many agree, and which do not.
package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"sort"
)

type envelope struct {
	Type      string      `json:"type"`
	AgentID   string      `json:"agentId"`
	Ts        int64       `json:"ts"`
	Nonce     string      `json:"nonce"`
	Payload   interface{} `json:"payload"`
	Signature string      `json:"signature,omitempty"`
}

func agrees(line []byte, e *envelope, numbers bool, secret string) bool {
	d := json.NewDecoder(bytes.NewReader(line))
	if numbers {
		d.UseNumber()
	}
	if err := d.Decode(e); err != nil {
		return false
	}
	want, err := hex.DecodeString(e.Signature)
	if err != nil {
		return false
	}
	e.Signature = ""
	text, err := json.Marshal(e)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(text)
	return hmac.Equal(want, mac.Sum(nil))
}

func main() {
	good := map[string]int{}
	bad := 0
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		line := in.Bytes()
		var raw json.RawMessage
		any, number, text := envelope{}, envelope{}, envelope{Payload: &raw}
		a := agrees(line, &any, false, os.Args[1])
		n := agrees(line, &number, true, os.Args[1])
		t := agrees(line, &text, false, os.Args[1])
		if a && n && t {
			good[any.Type]++
		} else {
			bad++
			fmt.Printf("differs: any %v, number %v, raw %v: %s\n",
				a, n, t, line)
		}
	}
	var types []string
	for t := range good {
		types = append(types, t)
	}
	sort.Strings(types)
	for _, t := range types {
		fmt.Printf("%s %d\n", t, good[t])
	}
	if bad > 0 || len(good) == 0 {
		os.Exit(1)
	}
}
