#!/bin/busybox sh
# The init of the stand-in base image of respin (tests and demo only): it reports
# on the serial console what the medium holds, and powers off. The format of the
# lines is documented in package composetest.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
dmesg -n 1
stty -onlcr 2>/dev/null

for m in $(cat /modules/order); do
	insmod "/modules/$m" 2>/dev/null || echo "module: $m not loaded"
done

reason=
fail() {
	[ -n "$reason" ] || reason=$1
}

finish() {
	if [ -z "$reason" ]; then
		if [ -n "$live" ]; then
			echo "localhost-live login: (not really: there is no system)"
		else
			echo "Starting installer, one moment... (not really: there is none)"
		fi
		echo "RESPIN-STANDIN end ok"
	else
		echo "RESPIN-STANDIN end failed: $reason"
	fi
	sleep 1
	poweroff -f
	sleep 60
}

# arg NAME prints the value of the last NAME=value of the command line.
arg() {
	tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p" | tail -n 1
}

# unescape undoes udev's \x20.
unescape() {
	printf '%b' "$1"
}

echo
echo "RESPIN-STANDIN begin"
echo "banner: this is a stand-in for an installer, made for tests of respin"
echo "cmdline: $(cat /proc/cmdline)"

live=$(arg root)
live=${live#live:CD}
want=$(arg inst.stage2)
[ -z "$live" ] || want=hd:$live
case $want in
hd:LABEL=*) want=$(unescape "${want#hd:LABEL=}"); want=${want%%:*} ;;
*) want= ;;
esac

# The medium is the first device with the label that stage2 names.
mkdir -p /run/install/repo
found=
tries=0
while [ -z "$found" ] && [ $tries -lt 60 ]; do
	for dev in sr0 sr1 vda vdb sda sdb; do
		[ -b /dev/$dev ] || continue
		label=$(dd if=/dev/$dev bs=1 skip=32808 count=32 2>/dev/null | sed 's/ *$//')
		[ -n "$label" ] || continue
		[ -z "$want" ] || [ "$label" = "$want" ] || continue
		if mount -t iso9660 -o ro /dev/$dev /run/install/repo 2>/dev/null; then
			found=$dev
			break
		fi
	done
	[ -n "$found" ] || sleep 0.5
	tries=$((tries + 1))
done
if [ -z "$found" ]; then
	fail "no medium with label '$want' among: $(cd /sys/block && echo *)"
	finish
fi
echo "medium: /dev/$found label=$label"
cd /run/install/repo || finish

# report WHAT PATH says whether a file of the medium is there.
report() {
	if [ -f ".$2" ]; then
		echo "$1: $2 sha256=$(sha256sum <".$2" | cut -d' ' -f1)"
	else
		echo "$1: $2 missing"
		fail "$1 $2 is not on the medium"
		return 1
	fi
}

# on_medium NAME prints the path of an hd:LABEL=<this medium>:/path argument.
on_medium() {
	value=$(arg "$1")
	[ -n "$value" ] || return 1
	rest=${value#hd:LABEL=}
	if [ "$rest" = "$value" ] || [ "$(unescape "${rest%%:*}")" != "$label" ]; then
		echo "$1: $value is not on this medium"
		fail "$1 names another medium"
		return 1
	fi
	path=${rest#*:}
}

if [ -n "$live" ]; then
	report live /LiveOS/squashfs.img
else
	report stage2 /images/install.img
fi

if on_medium inst.ks && report ks "$path"; then
	sed -n 's/^[[:space:]]*\(\(repo\|url\)[[:space:]].*\)$/ks-repo: \1/p' ".$path"
fi
if on_medium inst.updates; then
	report updates "$path"
fi

# tags puts each XML tag on a line of its own.
tags() {
	tr '\n' ' ' | sed 's/</\n</g'
}

unpack() {
	case $1 in
	*.gz) zcat "$1" ;;
	*.xz) xzcat "$1" ;;
	*.xml) cat "$1" ;;
	*) return 1 ;;
	esac
}

# digest TYPE prints the digest of standard input.
digest() {
	case $1 in
	sha | sha1) sha1sum ;;
	sha256) sha256sum ;;
	sha512) sha512sum ;;
	*) echo unknown ;;
	esac | cut -d' ' -f1
}

# check_repo DIR holds a repository against its primary.xml.
check_repo() {
	tags <"$1/repodata/repomd.xml" | awk '
		/^<data / { on = /type="primary"/ }
		on && /^<checksum / { t = $0; sub(/.*type="/, "", t); sub(/".*/, "", t); s = $0; sub(/.*>/, "", s); gsub(/ /, "", s) }
		on && /^<location / { h = $0; sub(/.*href="/, "", h); sub(/".*/, "", h) }
		END { print t, s, h }' >/tmp/primary
	read -r type sum href </tmp/primary
	if [ -z "$href" ] || [ ! -f "$1/$href" ]; then
		echo "repo: ${1#.} primary=MISSING"
		fail "repository ${1#.} has no primary.xml"
		return
	fi
	if [ "$(digest "$type" <"$1/$href")" != "$sum" ]; then
		echo "repo: ${1#.} primary=MISMATCH"
		fail "primary.xml of ${1#.} is not the one that repomd.xml names"
		return
	fi
	if ! unpack "$1/$href" >/tmp/primary.xml 2>/dev/null; then
		echo "repo: ${1#.} primary=UNREADABLE"
		fail "primary.xml of ${1#.} is not gzip, xz or plain"
		return
	fi
	tags </tmp/primary.xml | awk '
		/^<package / { s = ""; t = "" }
		/^<checksum / && /pkgid="YES"/ { t = $0; sub(/.*type="/, "", t); sub(/".*/, "", t); s = $0; sub(/.*>/, "", s); gsub(/ /, "", s) }
		/^<location / { h = $0; sub(/.*href="/, "", h); sub(/".*/, "", h); gsub(/&amp;/, "\\&", h); print t, s, h }' >/tmp/packages
	echo "repo: ${1#.} packages=$(wc -l </tmp/packages) primary=ok"
	while read -r type sum href; do
		if [ ! -f "$1/$href" ]; then
			echo "rpm: ${1#.}/$href primary=MISSING"
			fail "a listed package is not on the medium"
			continue
		fi
		is=$(sha256sum <"$1/$href" | cut -d' ' -f1)
		verdict=ok
		if [ "$(digest "$type" <"$1/$href")" != "$sum" ]; then
			verdict=MISMATCH
			fail "a package differs from primary.xml"
		fi
		echo "rpm: ${1#.}/$href sha256=$is primary=$verdict"
	done </tmp/packages
	find "$1" -type f -name '*.rpm' | sort >/tmp/files
	while read -r f; do
		cut -d' ' -f3- /tmp/packages | grep -qxF "${f#"$1"/}" && continue
		echo "rpm: ${f#.} sha256=$(sha256sum <"$f" | cut -d' ' -f1) primary=UNLISTED"
		fail "a package is not in primary.xml"
	done </tmp/files
}

find . -type d -name repodata | sort >/tmp/repos
while read -r r; do
	check_repo "${r%/repodata}"
done </tmp/repos

finish
