package main

import (
	"bytes"
	"os"
	"path/filepath"
	"time"
)

const mebibyte = 1 << 20

// takeMemory takes more and more memory, and really uses it, until somebody ends
// it. It gives up before the host suffers.
func takeMemory() int {
	var held [][]byte
	for len(held) < 3<<10 {
		held = append(held, bytes.Repeat([]byte{1}, mebibyte))
		time.Sleep(2 * time.Millisecond)
	}
	return fatal("nobody has bounded the memory: %d MiB", len(held))
}

// fill writes more and more until somebody ends it.
func fill(dir string) int {
	f, err := os.Create(filepath.Join(dir, "filled"))
	if err != nil {
		return fatal("%v", err)
	}
	block := bytes.Repeat([]byte{1}, mebibyte)
	for range 1 << 10 {
		if _, err := f.Write(block); err != nil {
			return fatal("%v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fatal("nobody has bounded the disk: %v", f.Close())
}
