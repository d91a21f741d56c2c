# Reads go test -bench -benchmem of koji and shows what we are better than
# kolo/xmlrpc by. Fails below a factor of ten.
/^Benchmark/ {
	name = $1
	sub(/^Benchmark[^\/]*\//, "", name)
	sub(/-[0-9]+$/, "", name)
	for (i = 2; i < NF; i++) {
		if ($(i + 1) == "ns/op") ns[name] = $i
		if ($(i + 1) == "B/op") bytes[name] = $i
		if ($(i + 1) == "allocs/op") allocs[name] = $i
	}
	order[++n] = name
}
/^cpu:|^FAIL|^---/ { print }
END {
	if (!("kolo" in ns) || n < 2) {
		print "no figures"
		exit 1
	}
	printf "%-18s %10s %12s %12s %9s %9s %9s\n", "reader", "ms", "MB allocated", "allocations", "faster", "MB less", "fewer"
	for (i = 1; i <= n; i++) {
		name = order[i]
		time = ns["kolo"] / ns[name]
		size = bytes["kolo"] / bytes[name]
		printf "%-18s %10.0f %12.1f %12d %8.1fx %8.1fx %8.1fx\n", name, ns[name] / 1e6, bytes[name] / 1e6, allocs[name], time, size, allocs["kolo"] / allocs[name]
		if (name != "kolo" && (time < 10 || size < 10)) bad = 1
	}
	exit bad
}
