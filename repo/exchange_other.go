//go:build !linux

package repo

func exchange(string, string) error { return errNoExchange }
