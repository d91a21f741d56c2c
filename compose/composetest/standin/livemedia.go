package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fedora-respin/respin/compose/composetest"
	"github.com/fedora-respin/respin/compose/image/imagetest"
	"github.com/fedora-respin/respin/compose/iso"
	"github.com/fedora-respin/respin/compose/iso/isotest"
	"github.com/fedora-respin/respin/kickstart"
	"github.com/fedora-respin/respin/repo"
	"github.com/fedora-respin/respin/repo/rpmdb/rpmdbtest"
)

// livemediaParser is lmc_parser of pylorax/cmdline/__init__.py.
func (s *session) livemediaParser() *parser {
	p := &parser{groups: [][]string{{
		"--make-iso", "--make-disk", "--make-fsimage", "--make-appliance", "--make-ami", "--make-tar", "--make-tar-disk", "--make-pxe-live",
		"--make-ostree-live", "--make-oci", "--make-vagrant",
	}}}
	p.flag("-h", "--help")
	p.flag("-V")
	for _, name := range p.groups[0] {
		p.flag(name)
	}
	for _, name := range []string{
		"--iso-only", "--image-only", "--no-virt", "--macboot", "--nomacboot", "--isfinal", "--keep-image", "--qcow2",
		"--virt-uefi", "--no-kvm", "--live-rootfs-keep-size", "--squashfs-only",
	} {
		p.flag(name)
	}
	for _, name := range []string{
		"--iso", "--iso-name", "--ks", "--proxy", "--anaconda-arg", "--armplatform", "--location", "--logfile", "--lorax-templates", "--tmp",
		"--resultdir", "--extra-boot-args", "--disk-image", "--fs-image", "--image-name", "--tar-disk-name", "--fs-label", "--image-type", "--qemu-arg",
		"--compression", "--compress-arg", "--app-name", "--app-template", "--app-file", "--cpu", "--vnc", "--arch", "--kernel-args", "--firmware", "--with-rng",
		"--dracut-conf", "--dracut-arg", "--oci-config", "--oci-runtime", "--vagrant-metadata", "--vagrantfile", "--project", "--releasever", "--volid",
	} {
		p.take(name)
	}
	p.take("-r", "--release")
	p.take("-t", "--variant")
	p.take("-b", "--bugurl")
	p.take("-p", "--product")
	for _, name := range []string{"--ram", "--vcpus", "--image-size-align", "--live-rootfs-size", "--timeout"} {
		p.count(name)
	}
	if s.since(41, 3) {
		p.take("--rootfs-type")
	}
	return p
}

func (s *session) livemedia(args []string) int {
	p := s.livemediaParser()
	for _, a := range args {
		if strings.HasPrefix(a, "@") {
			return s.usage("[Errno 2] No such file or directory: '%s'", a[1:])
		}
	}
	wrong := p.parse(args)
	if p.has("--help") {
		return s.help(p)
	}
	if p.has("-V") {
		fmt.Printf("livemedia-creator-%s\n", s.Version)
		return 0
	}
	if wrong == "" && len(p.rest) > 0 {
		wrong = "unrecognized arguments: " + strings.Join(p.rest, " ")
	}
	if wrong != "" {
		return s.usage("%s", wrong)
	}
	var err error
	if s.log, err = newLogs(p.last("--logfile", "./livemedia.log"), s.Pace); err != nil {
		return fatal("%v", err)
	}
	if wrong := s.livemediaErrors(p); len(wrong) > 0 {
		for _, text := range wrong {
			s.log.line("ERROR", "livemedia-creator", "%s", text)
		}
		return 1
	}
	return s.create(p)
}

// livemediaErrors are the checks of cmdline/livemedia.py, all at once.
func (s *session) livemediaErrors(p *parser) []string {
	var wrong []string
	add := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	ks := p.last("--ks", "")
	add(p.has("--project") && p.has("--product"), "Use one of --project or --product not both.")
	add(ks == "" && !p.has("--disk-image") && !p.has("--fs-image"), "Image creation requires a kickstart file")
	if len(p.values["--ks"]) > 0 {
		add(!exists(p.values["--ks"][0]), "kickstart file (%s) is missing.", p.values["--ks"][0])
	}
	add(p.has("--resultdir") && exists(p.last("--resultdir", "")), "The results_dir (%s) should not exist, please delete or move its contents", p.last("--resultdir", ""))
	add(p.has("--iso") && !exists(p.last("--iso", "")), "The iso %s is missing.", p.last("--iso", ""))
	add(!p.has("--no-virt") && !p.has("--iso"), "virt install needs an install iso.")
	add(len(p.last("--volid", "")) > 32, "the volume id cannot be longer than 32 characters")
	add(p.has("--no-virt") && !exists(filepath.Join(s.dir, "anaconda")), "no-virt requires anaconda to be installed.")
	add(p.has("--make-oci") && (!p.has("--oci-config") || !p.has("--oci-runtime")), "--make-oci requires --oci-config and --oci-runtime")
	add(p.has("--image-type") && p.has("--make-iso"), "image-type cannot be used to make a bootable iso.")
	add(!p.has("--nomacboot"), "mkfs.hfsplus is missing. Install hfsplus-tools, or pass --nomacboot")
	add(os.Geteuid() != 0 && !s.AnyUser, "You need to run this as root")
	add(p.has("--dracut-arg") && p.has("--dracut-conf"), "argument --dracut-arg: not allowed with argument --dracut-conf")
	return wrong
}

// create is run_creator of creator.py.
func (s *session) create(p *parser) int {
	stop := func(format string, args ...any) int {
		s.log.line("ERROR", "livemedia-creator", format, args...)
		return 1
	}
	kind := ""
	for _, name := range p.groups[0] {
		if p.has(name) {
			kind = strings.TrimPrefix(name, "--make-")
		}
	}
	if kind == "appliance" {
		return traceback("AttributeError: 'Namespace' object has no attribute 'title'")
	}
	ksPath := p.values["--ks"][0]
	data, err := os.ReadFile(ksPath)
	if err != nil {
		return stop("%v", err)
	}
	doc, err := kickstart.Parse(ksPath, data, kickstart.Options{})
	if err != nil {
		return stop("%v", err)
	}
	for _, d := range doc.CheckLivemedia(kickstart.Livemedia{Make: kind, Virt: !p.has("--no-virt")}) {
		if d.Severity == kickstart.SeverityError {
			return stop("%s", d.Message)
		}
	}
	result := p.last("--resultdir", p.last("--tmp", "/var/tmp"))
	if err := os.MkdirAll(result, 0o755); err != nil {
		return stop("%v", err)
	}
	if !exists(p.last("--tmp", "/var/tmp")) {
		return traceback("FileNotFoundError: [Errno 2] No usable temporary directory found in ['" + p.last("--tmp", "") + "']")
	}
	s.log.info("disk_img = %s/lmc-disk.img", result)
	s.log.info("Using disk size of 8194MiB")
	if err := s.runAnaconda(p, ksPath); err != nil {
		s.log.line("ERROR", "livemedia-creator", "Running anaconda failed: %v", err)
		s.log.line("ERROR", "livemedia-creator", "Install failed: novirt_install failed")
		return stop("Image creation failed: novirt_install failed")
	}
	s.log.info("Disk Image install successful")
	if err := s.results(p, kind, result); err != nil {
		return stop("%v", err)
	}
	s.log.info("SUMMARY")
	s.log.info("-------")
	s.log.info("Results are in %s", result)
	return 0
}

// runAnaconda starts anaconda and takes its log over TCP, as LogServer does: an
// anaconda that never connects costs a minute.
func (s *session) runAnaconda(p *parser, ks string) error {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	connected := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			connected <- ""
			return
		}
		line, _ := bufio.NewReader(conn).ReadString('\n')
		_ = conn.Close()
		connected <- line
	}()
	s.log.info("Running anaconda.")
	logs := filepath.Join(s.log.dir, "anaconda")
	s.root = filepath.Join(p.last("--tmp", "/var/tmp"), "standin-sysimage")
	if err := errors.Join(os.MkdirAll(logs, 0o755), os.MkdirAll(s.root, 0o755)); err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.dir, "anaconda"), "--kickstart", ks, "--cmdline", "--dirinstall", "--remotelog", listener.Addr().String())
	cmd.Env = append(os.Environ(), "STANDIN_LOGS="+logs, "STANDIN_ROOT="+s.root, "ANACONDA_PRODUCTNAME="+p.last("--project", "Linux"), "ANACONDA_PRODUCTVERSION="+p.last("--releasever", "46"))
	out, err := cmd.CombinedOutput()
	for line := range strings.Lines(string(out)) {
		s.log.info("%s", strings.TrimRight(line, "\n"))
	}
	select {
	case <-connected:
	case <-time.After(time.Minute):
	}
	if err != nil {
		return fmt.Errorf("process '['unshare', '--pid', 'anaconda']' exited with status %d", cmd.ProcessState.ExitCode())
	}
	return nil
}

// results writes what each --make- leaves in the result directory.
func (s *session) results(p *parser, kind, result string) error {
	write := func(name, text string) error { return writeFile(filepath.Join(result, name), text, stamp()) }
	system := string(imagetest.Squashfs(os.DirFS(s.root)))
	name := p.last("--image-name", "")
	switch kind {
	case "iso":
		s.log.info("working dir is %s/lmc-work", p.last("--tmp", "/var/tmp"))
		s.log.info("Creating a squashfs only runtime")
		s.log.info("Rebuilding initrds")
		s.log.info("Building boot.iso")
		volid := p.last("--volid", p.last("--project", "Linux")+"-"+p.last("--releasever", "46")+"-x86_64")
		path := "images/boot.iso"
		if p.has("--iso-only") {
			path = p.last("--iso-name", "boot.iso")
		}
		return s.liveISO(p, filepath.Join(result, path), system, volid)
	case "disk":
		if p.last("--image-type", "") == "qcow2" {
			return write(name, string(imagetest.QCOW2()))
		}
		return write(name, "a stand-in for a disk")
	case "tar", "oci":
		return write(name, "\xfd7zXZ\x00 a stand-in for an archive")
	case "pxe-live":
		return errors.Join(write("live-rootfs.squashfs.img", system), write("vmlinuz-6.17.0", "stand-in kernel"), write("initramfs-6.17.0.img", "stand-in initrd"),
			write("lmc-disk-stand1n.img", "the raw disk, which stays"),
			write("PXE_CONFIG", "root=live:<URL>/live-rootfs.squashfs.img\n"))
	}
	return fmt.Errorf("the stand-in makes no %s", kind)
}

// liveISO makes the live image: one of BuildTree, which boots, or a small one that
// has everything but boot code.
func (s *session) liveISO(p *parser, path, system, volid string) error {
	grub := menu(volid, "Start "+p.last("--project", "Linux"), strings.TrimSpace("root=live:CDLABEL="+volid+" rd.live.image "+p.last("--extra-boot-args", "")))
	files := map[string]string{"LiveOS/squashfs.img": system, "boot/grub2/grub.cfg": grub, "EFI/BOOT/grub.cfg": grub}
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if s.Bootable != "" {
		tree := filepath.Join(p.last("--tmp", "/var/tmp"), "lmc-work")
		err = errors.Join(err, composetest.BuildTree(context.Background(), composetest.Options{
			Dir: s.Bootable, Release: p.last("--releasever", "46"), VolID: volid, Log: s.log.files["program"],
		}, tree, files))
		if err == nil {
			err = os.Rename(filepath.Join(tree, "images/boot.iso"), path)
		}
		s.log.info("Disk image erased")
		return err
	}
	files["images/pxeboot/vmlinuz"], files["images/pxeboot/initrd.img"] = "stand-in kernel", "stand-in initrd"
	image := isotest.Build(isotest.Options{VolumeID: volid, BIOS: true, UEFI: true, Pad: 32, Files: files})
	if err = errors.Join(err, writeFile(path, string(image), stamp())); err == nil {
		_, err = iso.ImplantMD5(context.Background(), path, iso.ImplantOptions{})
	}
	s.log.info("Disk image erased")
	return err
}

// anaconda installs what a kickstart says, as far as choosing packages goes.
func (s *session) anaconda(args []string) int {
	p := &parser{}
	p.must("--kickstart")
	p.must("--remotelog")
	p.flag("--cmdline")
	p.flag("--dirinstall")
	if wrong := p.parse(args); wrong != "" {
		return s.usage("%s", wrong)
	}
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.last("--remotelog", ""))
	if err != nil {
		return fatal("connect to the log: %v", err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintln(conn, "anaconda stand-in")
	say := func(format string, args ...any) int {
		fmt.Printf(format+"\n", args...)
		return 1
	}
	if s.Fail == "anaconda" {
		return say("The following error occurred while installing.  This is a fatal error and installation will be aborted.")
	}
	data, err := os.ReadFile(p.last("--kickstart", ""))
	if err != nil {
		return say("%v", err)
	}
	doc, err := kickstart.Parse("ks", data, kickstart.Options{})
	if err != nil {
		return say("%v", err)
	}
	w, err := kickstartWorld(doc)
	if err != nil {
		return say("packaging: base repo is not valid: %v", err)
	}
	for _, name := range doc.Packages().Packages {
		if !w.want(name) {
			return say("packaging: Missed: NoSuchPackage: %s", name)
		}
	}
	if problems := w.solve(); len(problems) > 0 {
		return say("packaging: %s", strings.Join(problems, "\n"))
	}
	if err := installSystem(w, os.Getenv("STANDIN_ROOT")); err != nil {
		return say("%v", err)
	}
	var log strings.Builder
	for i, c := range w.chosen {
		fmt.Printf("Installing %s.%s (%d/%d)\n", c.Name, c.Arch, i+1, len(w.chosen))
		fmt.Fprintf(&log, "DEBUG:anaconda.modules.payloads.payload.dnf.transaction_progress:Installing - %s-%d:%s-%s.%s\n", c.Name, c.EVR.Epoch, c.EVR.Version, c.EVR.Release, c.Arch)
	}
	if err := writeFile(filepath.Join(os.Getenv("STANDIN_LOGS"), "packaging.log"), log.String(), stamp()); err != nil {
		return say("%v", err)
	}
	return 0
}

// installSystem puts the files of the chosen packages and a database of them
// where the system is, as far as installing is copying.
func installSystem(w *world, root string) error {
	rpms := root + ".rpms"
	defer func() { _ = os.RemoveAll(rpms) }()
	if err := w.download(rpms); err != nil {
		return err
	}
	var headers [][]byte
	for _, c := range w.chosen {
		path := filepath.Join(rpms, filepath.Base(c.Location))
		data, err := os.ReadFile(path)
		if err := errors.Join(err, unpack(path, root, stamp())); err != nil {
			return err
		}
		headers = append(headers, rpmdbtest.Installed(data, uint32(stamp().Unix())))
	}
	return errors.Join(
		writeFile(filepath.Join(root, "usr/lib/sysimage/rpm/rpmdb.sqlite"), string(rpmdbtest.SQLite(headers...)), stamp()),
		writeFile(filepath.Join(root, "usr/lib/os-release"), "NAME=\"A stand-in\"\nPRETTY_NAME=\"A stand-in\"\n", stamp()))
}

// kickstartWorld loads the repositories of a kickstart.
func kickstartWorld(doc *kickstart.Document) (*world, error) {
	var sources []*source
	at := func(base, metalink, mirrorlist string) repo.Location {
		l := repo.Location{Metalink: metalink, Mirrorlist: mirrorlist}
		if base != "" {
			l.BaseURLs = []string{base}
		}
		return l
	}
	if u, ok := doc.URL(); ok {
		sources = append(sources, &source{id: "anaconda", location: at(u.URL, u.Metalink, u.MirrorList), priority: 99, cost: 1000})
	}
	for _, r := range doc.Repos() {
		cost := r.Cost
		if cost == 0 {
			cost = 1000
		}
		sources = append(sources, &source{id: r.Name, location: at(r.BaseURL, r.Metalink, r.MirrorList), priority: 99, cost: cost, include: r.IncludePkgs, exclude: r.ExcludePkgs})
	}
	cache, err := os.MkdirTemp("", "standin-anaconda-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(cache) }()
	w := &world{arch: "x86_64"}
	for _, src := range sources {
		if err := w.load(src, cache); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(w.all, better)
	return w, nil
}
