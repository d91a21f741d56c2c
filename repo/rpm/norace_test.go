//go:build !race

package rpm_test

const raced = false
