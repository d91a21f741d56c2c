package natsqueue

func runHelper() bool { return false }
