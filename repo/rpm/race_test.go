//go:build race

package rpm_test

// raced tells that the race detector is on, which makes everything slow.
const raced = true
