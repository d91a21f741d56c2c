package runner

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxWalked bounds the cost of one look at a directory; what lies beyond counts
// for nothing.
const maxWalked = 2_000_000

// usage is how many bytes the files below dir take on its own file system, each
// file once. What cannot be read, since it went or is another's, takes none.
func usage(ctx context.Context, dir string) int64 {
	type file struct{ dev, ino uint64 }
	var sum int64
	var device uint64
	linked := map[file]bool{}
	n := 0
	_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		n++
		if err != nil || n > maxWalked || ctx.Err() != nil {
			if n > maxWalked || ctx.Err() != nil {
				return fs.SkipAll
			}
			return nil
		}
		info, err := e.Info()
		if err != nil {
			return nil //nolint:nilerr // it went meanwhile
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		switch {
		case path == dir:
			device = st.Dev
		case st.Dev != device: // mounted
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if st.Nlink > 1 && !e.IsDir() {
			if id := (file{st.Dev, st.Ino}); linked[id] {
				return nil
			} else {
				linked[id] = true
			}
		}
		sum += st.Blocks * 512 // the unit of st_blocks, whatever the file system's
		return nil
	})
	return sum
}

// memory is how many bytes of anonymous memory the processes hold: what they
// have in memory (statm, proc_pid_statm(5)) without files and shared memory.
func memory(pids []int) int64 {
	var pages int64
	for _, pid := range pids {
		data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
		if err != nil {
			continue
		}
		fields := strings.Fields(string(data))
		if len(fields) < 3 {
			continue
		}
		resident, _ := strconv.ParseInt(fields[1], 10, 64)
		shared, _ := strconv.ParseInt(fields[2], 10, 64)
		pages += max(0, resident-shared)
	}
	return pages * int64(os.Getpagesize())
}
