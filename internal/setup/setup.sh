#!/bin/sh
# Brings a bare Debian, Ubuntu or Fedora machine to where make can build, test
# and demonstrate respin. Says what it installs and why, asks the machine's own
# package manager for it, and skips what is there.
#
#   setup.sh build          the Go toolchain
#   setup.sh lint           build, plus golangci-lint
#   setup.sh test           build, plus the tools that the tests judge respin by
#   setup.sh demo           build, plus what makes and boots the demo's image
#   setup.sh bench          build, plus the peers that the benchmarks run against
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cache="$root/.cache"
mkdir -p "$cache"
want=${1:-build}
say() { printf 'setup: %s\n' "$*"; }

if command -v apt-get >/dev/null 2>&1; then family=debian
elif command -v dnf >/dev/null 2>&1; then family=fedora
else family=unknown; fi
sudo=""
if [ "$(id -u)" != 0 ]; then sudo="sudo"; fi

missing=""
# need CHECK DEBIAN-PACKAGE FEDORA-PACKAGE WHY: CHECK is a command's name, or a
# file when it starts with a slash; several files are parted by commas.
need() {
	for probe in $(echo "$1" | tr , ' '); do
		case "$probe" in
		/*) [ -e "$probe" ] && return 0 ;;
		*) command -v "$probe" >/dev/null 2>&1 && return 0 ;;
		esac
	done
	package=$2
	[ "$family" = fedora ] && package=$3
	[ "$package" = - ] && return 0
	say "installs $package: $4"
	missing="$missing $package"
}
install_missing() {
	[ -n "$missing" ] || return 0
	case $family in
	debian)
		$sudo apt-get update -q
		# shellcheck disable=SC2086 # a list of names
		DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends $missing ;;
	fedora)
		# shellcheck disable=SC2086 # a list of names
		$sudo dnf install -y -q --setopt=install_weak_deps=False $missing ;;
	*)
		say "neither apt-get nor dnf is here; install these by hand:$missing"
		exit 1 ;;
	esac
	missing=""
}

# The module says go 1.26. A Go of 1.21 or newer fetches the right toolchain by
# itself; an older one can fetch it as the module that it is.
toolchain() {
	need go golang-go golang "the Go compiler"
	need git git git "the version of the build"
	need /etc/ssl/certs/ca-certificates.crt,/etc/pki/tls/certs/ca-bundle.crt ca-certificates ca-certificates "downloads of Go modules"
	install_missing
	wanted=$(sed -n 's/^go //p' "$root/go.mod")
	minor=$(go env GOVERSION | sed -E 's/^go1\.([0-9]+).*/\1/')
	if [ "$minor" -ge 21 ]; then
		(cd "$root" && go version >/dev/null) && return 0
	fi
	[ -x "$cache/go/bin/go" ] && return 0
	name="v0.0.1-go$wanted.$(go env GOOS)-$(go env GOARCH)"
	say "fetches Go $wanted: the packaged $(go env GOVERSION) is older than the module asks for"
	tmp=$(mktemp -d)
	(cd "$tmp" && GOFLAGS=-mod=mod GOMODCACHE="$cache/gomodcache" go mod init toolchain >/dev/null 2>&1 &&
		GOFLAGS=-mod=mod GOMODCACHE="$cache/gomodcache" go mod download "golang.org/toolchain@$name")
	rm -rf "$tmp"
	# A module zip carries no execute bits.
	chmod -R u+w "$cache/gomodcache/golang.org/toolchain@$name"
	mv "$cache/gomodcache/golang.org/toolchain@$name" "$cache/go"
	chmod +x "$cache"/go/bin/* "$cache"/go/pkg/tool/*/*
}

image_tools() {
	need xorriso xorriso xorriso "writes ISO images"
	need mcopy mtools mtools "edits the EFI boot image without mounting it"
	need mkfs.msdos,/sbin/mkfs.msdos,/usr/sbin/mkfs.msdos dosfstools dosfstools "makes the stand-in's EFI boot image"
	need grub-mkimage,grub2-mkimage grub-common grub2-tools "boot loader of the stand-in image"
	need /usr/lib/grub/i386-pc/boot_hybrid.img grub-pc-bin grub2-pc-modules "BIOS boot of the stand-in image"
	need /usr/lib/grub/x86_64-efi/linux.mod grub-efi-amd64-bin grub2-efi-x64-modules "UEFI boot of the stand-in image"
	need cpio cpio cpio "initrd of the stand-in image"
	need /sbin/modprobe,/usr/sbin/modprobe kmod kmod "finds the kernel modules of the stand-in image"
	need xz xz-utils xz "kernel modules of the stand-in image"
	# Debian's plain busybox is linked with shared libraries, which ldd shows.
	bb=$(PATH="$PATH:/usr/sbin:/sbin" command -v busybox || true)
	if [ -z "$bb" ] || ldd "$bb" >/dev/null 2>&1; then
		need /nonexistent busybox-static busybox "user land of the stand-in image"
	fi
	need qemu-system-x86_64 qemu-system-x86 qemu-system-x86-core "boots the image"
	need /usr/share/ovmf/OVMF.fd,/usr/share/OVMF/OVMF_CODE.fd,/usr/share/OVMF/OVMF_CODE_4M.fd,/usr/share/edk2/ovmf/OVMF_CODE.fd ovmf edk2-ovmf "UEFI firmware for qemu"
	[ "$family" = fedora ] && ! dnf download --help >/dev/null 2>&1 && need /nonexistent - dnf5-plugins "downloads the kernel of the stand-in image"
	return 0
}

# The stand-in boots the distribution's kernel, which is downloaded where none
# is readable; container images come without the lists that this needs.
package_lists() {
	[ "$family" = debian ] && [ ! -d "$cache/demo/kernel" ] || return 0
	apt-cache policy linux-image-cloud-amd64 linux-image-virtual linux-image-amd64 linux-image-generic | grep -q 'Candidate: [0-9]' && return 0
	say "reads the package lists: the kernel of the stand-in image is downloaded"
	$sudo apt-get update -q
}

# The newest createrepo_c, from PyPI. Its programs are linked beside bin/, because
# what pip puts there starts Python first.
createrepo_pypi() {
	[ -x "$cache/createrepo/createrepo_c" ] && return 0
	say "puts createrepo-c into .cache/createrepo: the newest createrepo_c, judge and peer of repodata"
	/usr/bin/python3 -m venv "$cache/createrepo"
	"$cache/createrepo/bin/python" -m pip install -q createrepo-c==1.2.5
	for program in createrepo_c mergerepo_c modifyrepo_c; do
		(cd "$cache/createrepo" && ln -sf lib/python3*/site-packages/createrepo_c/data/bin/$program $program)
	done
}

judges() {
	need gcc gcc gcc "the race detector"
	need rpm rpm rpm "judges RPM headers"
	need db5.3_load,db_load db5.3-util libdb-utils "writes databases of rpm as Berkeley DB"
	need mksquashfs squashfs-tools squashfs-tools "makes images that ours reads"
	need mkfs.ext4,/sbin/mkfs.ext4,/usr/sbin/mkfs.ext4 e2fsprogs e2fsprogs "makes images that ours reads"
	need mkfs.erofs,/usr/sbin/mkfs.erofs,/usr/bin/mkfs.erofs erofs-utils erofs-utils "makes images that ours reads"
	need rpmsign rpm rpm-sign "signs RPMs"
	need rpm2cpio rpm2cpio rpm "judges updates images"
	need rpm2archive rpm2cpio rpm "judges updates images of packages of format 6"
	need gpg gnupg gnupg2 "makes the keys that RPMs are signed with"
	need createrepo_c createrepo-c createrepo_c "judges repodata"
	need podman podman podman "runs composes in real containers"
	need crun crun crun "runs podman's containers"
	need strace strace strace "kills a writer of repodata between two system calls"
	need dnf,dnf5 dnf dnf5 "installs from a side repo"
	need /usr/lib/python3/dist-packages/dnf-plugins/repoclosure.py dnf-plugins-core dnf5-plugins "judges whether a side repo is closed"
	need checkisomd5 isomd5sum isomd5sum "judges implanted checksums"
	need qemu-system-aarch64 qemu-system-arm qemu-system-aarch64-core "boots a medium for aarch64"
	need /usr/share/qemu-efi-aarch64/QEMU_EFI.fd,/usr/share/edk2/aarch64/QEMU_EFI.fd qemu-efi-aarch64 edk2-aarch64 "UEFI firmware of aarch64"
	need qemu-system-ppc64 qemu-system-ppc qemu-system-ppc-core "boots a medium for ppc64le"
	need isoinfo genisoimage genisoimage "reads media with another code than ours and xorriso's"
	need rsync rsync rsync "fills the roots that kiwi makes"
	need proftpd,/usr/sbin/proftpd proftpd-basic proftpd "a real FTP server to publish to"
	need python3 python3 python3 "runs pykickstart and the real Koji client, judges of kickstarts and of the hub"
	need /usr/include/python3.11/Python.h,/usr/include/python3.12/Python.h,/usr/include/python3.13/Python.h,/usr/include/python3.14/Python.h python3-dev python3-devel "builds what bodhi-server needs"
	need pg_config libpq-dev libpq-devel "builds what bodhi-server needs"
	need krb5-config libkrb5-dev krb5-devel "builds what bodhi-server needs"
	case $family in
	# Debian splits the standard library; the modules of rpm are for its own python3.
	debian)
		need runc runc - "runs podman's containers where crun may not raise limits"
		[ -e /usr/share/doc/python3-venv ] || need /nonexistent python3-venv - "holds pykickstart, koji and bodhi-server"
		[ -e /usr/share/doc/python3-rpm ] || need /nonexistent python3-rpm - "koji download-build and bodhi-server read RPMs with it"
		[ -e /usr/share/doc/python3-librepo ] || need /nonexistent python3-librepo - "bodhi-server imports it" ;;
	fedora)
		rpm -q python3-rpm >/dev/null 2>&1 || need /nonexistent - python3-rpm "judges every field of RPM headers"
		rpm -q python3-librepo >/dev/null 2>&1 || need /nonexistent - python3-librepo "bodhi-server imports it" ;;
	esac
	install_missing
	if [ ! -x "$cache/venv/bin/ksvalidator" ]; then
		say "puts pykickstart into .cache/venv: judges kickstarts"
		/usr/bin/python3 -m venv "$cache/venv"
		"$cache/venv/bin/python" -m pip install -q pykickstart==3.78 productmd
	fi
	if [ ! -x "$cache/koji/bin/python" ] || ! "$cache/koji/bin/python" -c 'import koji, requests' 2>/dev/null; then
		say "puts koji into .cache/koji: the real client and command line judge the test hub"
		/usr/bin/python3 -m venv --system-site-packages "$cache/koji"
		# requests-gssapi, which koji asks for, needs Kerberos' headers and serves logins only.
		"$cache/koji/bin/python" -m pip install -q requests six python-dateutil defusedxml
		"$cache/koji/bin/python" -m pip install -q --no-deps koji==1.36.1
	fi
	if [ ! -x "$cache/bodhi/bin/python" ] || ! "$cache/bodhi/bin/python" -c 'import bodhi.server, waitress, fedora_messaging.api' 2>/dev/null; then
		say "puts bodhi-server into .cache/bodhi: judges the Bodhi client and its stand-in"
		/usr/bin/python3 -m venv --system-site-packages "$cache/bodhi"
		"$cache/bodhi/bin/python" -m pip install -q bodhi-server==26.4.0 'pyOpenSSL>=25'
	fi
	if [ ! -x "$cache/spdx/bin/pyspdxtools" ]; then
		say "puts spdx-tools into .cache/spdx: judges SBOMs"
		/usr/bin/python3 -m venv "$cache/spdx"
		"$cache/spdx/bin/python" -m pip install -q spdx-tools==0.8.5
	fi
	# The two parsers of arguments that kiwi has had: docopt, then typer.
	for version in 10.3.11 11.1.6; do
		kiwi="$cache/kiwi${version%%.*}"
		[ -x "$kiwi/bin/kiwi-ng" ] && continue
		say "puts kiwi $version into .cache/kiwi${version%%.*}: judges its back end and its stand-in"
		/usr/bin/python3 -m venv "$kiwi"
		"$kiwi/bin/python" -m pip install -q "kiwi==$version"
	done
	createrepo_pypi
}

case $want in
build) toolchain ;;
lint)
	toolchain
	PATH="$cache/go/bin:$PATH"
	if [ ! -x "$cache/bin/golangci-lint" ]; then
		say "builds golangci-lint into .cache/bin: checks the code"
		GOBIN="$cache/bin" go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	fi ;;
demo) toolchain; image_tools; install_missing; package_lists ;;
bench)
	toolchain
	need createrepo_c createrepo-c createrepo_c "the distribution's createrepo_c, to compare with"
	need dnf,dnf5 dnf dnf5 "its repoclosure, to compare with"
	need /usr/lib/python3/dist-packages/dnf-plugins/repoclosure.py dnf-plugins-core dnf5-plugins "its repoclosure, to compare with"
	need curl curl curl "downloads, to compare with"
	need python3 python3 python3 "holds PyPI's createrepo_c"
	[ "$family" != debian ] || [ -e /usr/share/doc/python3-venv ] || need /nonexistent python3-venv - "holds PyPI's createrepo_c"
	install_missing
	createrepo_pypi ;;
test)
	toolchain
	image_tools
	judges
	package_lists
	PATH="$cache/go/bin:$PATH"
	if [ ! -x "$cache/bin/gotestsum" ]; then
		say "builds gotestsum into .cache/bin: runs the tests and sums them up"
		GOBIN="$cache/bin" go install gotest.tools/gotestsum@v1.13.0
	fi ;;
*) say "there is no set-up named $want"; exit 2 ;;
esac
