//go:build !linux

package repo

// onNetwork does not know here, so every file system counts as one of a network.
func onNetwork(string) bool { return true }
