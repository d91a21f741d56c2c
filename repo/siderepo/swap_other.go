//go:build !linux

package siderepo

func swap(work, dir, old string) error { return swapInTwo(work, dir, old) }
