// SPDX-License-Identifier: Apache-2.0

// The franz-go client behind the contract of tests/clients/README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
)

// A request is one job, or a list of them; serve also names the verb.
type request struct {
	Verb string            `json:"verb"`
	Jobs []json.RawMessage `json:"jobs"`
}

var (
	outLock sync.Mutex
	out     = bufio.NewWriterSize(os.Stdout, 1<<16)
)

func main() {
	verb := ""
	if len(os.Args) == 2 {
		verb = os.Args[1]
	}
	switch verb {
	case "produce", "consume":
		text, err := io.ReadAll(os.Stdin)
		if err != nil {
			quit(err)
		}
		exit, err := run(verb, text)
		if err != nil {
			quit(err)
		}
		os.Exit(exit)
	case "serve":
		if err := serve(); err != nil {
			quit(err)
		}
	default:
		quit(fmt.Errorf("usage: franz produce|consume|serve < jobs.json"))
	}
}

func quit(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

func serve() error {
	in := bufio.NewReaderSize(os.Stdin, 1<<16)
	for {
		text, err := in.ReadBytes('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		exit, err := run("", text)
		if err != nil {
			return err
		}
		write(map[string]any{"done": exit})
	}
}

func run(verb string, text []byte) (int, error) {
	var asked request
	if err := json.Unmarshal(text, &asked); err != nil {
		return 0, err
	}
	if verb == "" {
		verb = asked.Verb
	}
	if asked.Jobs == nil {
		asked.Jobs = []json.RawMessage{text}
	}
	worst := 0
	for number, fields := range asked.Jobs {
		j := &job{number: number, TimeoutMS: 20000}
		if err := json.Unmarshal(fields, j); err != nil {
			return 0, err
		}
		j.run(verb)
		worst = max(worst, j.exit)
	}
	return worst, nil
}

func write(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	outLock.Lock()
	defer outLock.Unlock()
	out.Write(append(text, '\n'))
	for _, name := range []string{"ready", "error", "exit", "done"} {
		if _, found := line[name]; found {
			out.Flush()
			return
		}
	}
}
