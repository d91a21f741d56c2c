package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// loraxParser is lorax_parser of pylorax/cmdline/__init__.py.
func (s *session) loraxParser() *parser {
	p := &parser{}
	p.flag("-h", "--help")
	p.flag("-V")
	p.must("-p", "--product")
	p.must("-v", "--version")
	p.must("-r", "--release")
	p.take("-s", "--source")
	p.take("--repo")
	p.take("-m", "--mirrorlist")
	p.take("-t", "--variant")
	p.take("-b", "--bugurl")
	p.flag("--isfinal")
	p.take("-c", "--config")
	p.take("--proxy")
	p.take("-i", "--installpkgs")
	p.take("-e", "--excludepkgs")
	for _, name := range []string{
		"--buildarch", "--volid", "--logfile", "--tmp", "--cachedir", "--workdir", "--add-template", "--add-template-var",
		"--add-arch-template", "--add-arch-template-var", "--sharedir", "--enablerepo", "--disablerepo", "--dnfplugin", "--dracut-conf", "--dracut-arg",
	} {
		p.take(name)
	}
	p.count("--rootfs-size")
	for _, name := range []string{"--macboot", "--nomacboot", "--noupgrade", "--force", "--noverify", "--noverifyssl", "--squashfs-only", "--skip-branding"} {
		p.flag(name)
	}
	if s.since(41, 3) {
		p.take("--rootfs-type")
	}
	return p
}

func (s *session) lorax(args []string) int {
	p := s.loraxParser()
	wrong := p.parse(args)
	if p.has("--help") {
		return s.help(p)
	}
	if p.has("-V") {
		fmt.Printf("lorax-%s\n", s.Version)
		return 0
	}
	switch {
	case wrong != "":
		return s.usage("%s", wrong)
	case len(p.rest) == 0:
		return s.usage("the following arguments are required: OUTPUTDIR")
	case len(p.rest) > 1:
		return s.usage("unrecognized arguments: %s", strings.Join(p.rest[1:], " "))
	case !p.has("--source") && !p.has("--repo"):
		return s.usage("--source, --repo, or both are required.")
	case !p.has("--force") && exists(p.rest[0]):
		return s.usage("output directory %s should not exist.", p.rest[0])
	case p.has("--sharedir") && !exists(p.last("--sharedir", "")):
		return s.usage("sharedir %s doesn't exist.", p.last("--sharedir", ""))
	case p.has("--config") && !exists(p.last("--config", "")):
		// The default one comes with the package that this stands in for.
		return s.usage("config file %s doesn't exist.", p.last("--config", ""))
	case p.has("--dracut-arg") && p.has("--dracut-conf"):
		return s.usage("argument --dracut-arg: not allowed with argument --dracut-conf")
	case !slices.Contains([]string{"squashfs", "squashfs-ext4", "erofs", "erofs-ext4"}, p.last("--rootfs-type", "squashfs")):
		return s.usage("--rootfs-type must be one of squashfs,squashfs-ext4,erofs,erofs-ext4")
	}
	var err error
	if s.log, err = newLogs(p.last("--logfile", "./lorax.log"), s.Pace); err != nil {
		return fatal("%v", err)
	}
	s.log.line("INFO", "lorax", "Lorax v%s (a stand-in, for tests only)", s.Version)
	temp, release, err := s.tempDir(p.last("--tmp", "/var/tmp/lorax"))
	if err != nil {
		return traceback("OSError: " + err.Error())
	}
	defer release()
	switch s.Fail {
	case "memory":
		return takeMemory()
	case "fill":
		return fill(temp)
	}
	return s.makeTree(p, temp)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// tempDir makes lorax's locked temporary directory and removes those that
// nobody holds the lock of, as remove_tempdirs does.
func (s *session) tempDir(tmp string) (dir string, release func(), err error) {
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return "", nil, err
	}
	old, _ := filepath.Glob(filepath.Join(tmp, "lorax.*"))
	for _, d := range old {
		if f, err := os.Open(d); err == nil {
			if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
				s.log.info("Removing old tempdir %s", d)
				_ = os.RemoveAll(d)
			}
			_ = f.Close()
		}
	}
	if dir, err = os.MkdirTemp(tmp, "lorax."); err != nil {
		return "", nil, err
	}
	f, err := os.Open(dir)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	return dir, func() {
		s.log.line("INFO", "lorax", "Cleaning up tempdir - %s", dir)
		_ = errors.Join(os.RemoveAll(dir), f.Close())
	}, err
}

// makeTree is Lorax.run of pylorax/__init__.py.
func (s *session) makeTree(p *parser, temp string) int {
	repos, ok := s.repos(p, temp)
	if !ok {
		_, _ = fmt.Fprintln(os.Stderr, "error: unable to create the dnf base object")
		return 1
	}
	for _, option := range []string{"--add-template-var", "--add-arch-template-var"} {
		for _, kv := range p.values[option] {
			if !strings.Contains(kv, "=") {
				return traceback("ValueError: Missing '=' for key=value in " + kv)
			}
		}
	}
	for _, option := range []string{"--add-template", "--add-arch-template"} {
		for _, t := range p.values[option] {
			if !exists(t) {
				return traceback("mako.exceptions.TopLevelLookupException: Cannot locate template for uri '" + t + "'")
			}
		}
	}
	// The last of the two counts; the default is to want it.
	if macboot := !p.has("--nomacboot"); macboot && s.since(40, 6) {
		return s.log.critical("you need to install hfsplus-tools to create mac images")
	}
	s.log.info("checking for root privileges")
	if os.Geteuid() != 0 && !s.AnyUser {
		return s.log.critical("no root privileges")
	}
	if !p.has("--buildarch") && !repos.name("anaconda-core") {
		return s.log.critical("no anaconda-core package in the repository")
	}
	s.log.info("setting up build architecture")
	s.log.info("setting up build parameters")
	t := &tree{
		session: s, out: p.rest[0], temp: temp, arch: p.last("--buildarch", "x86_64"), product: p.last("--product", ""), version: p.last("--version", ""),
		release: p.last("--release", ""), variant: p.last("--variant", ""), final: p.has("--isfinal"), at: stamp(),
	}
	t.volid = p.last("--volid", t.product+"-"+t.version+"-"+t.arch)
	if len(t.volid) > 32 {
		return s.log.critical("the volume id cannot be longer than 32 characters")
	}
	if err := os.MkdirAll(t.out, 0o755); err != nil {
		return traceback("OSError: " + err.Error())
	}
	if code := s.install(p, repos, t); code != 0 {
		return code
	}
	return t.finish(p)
}

// stamp is SOURCE_DATE_EPOCH, or now.
func stamp() time.Time {
	var n int64
	if _, err := fmt.Sscanf(os.Getenv("SOURCE_DATE_EPOCH"), "%d", &n); err == nil && n > 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Now().UTC()
}

func (s *session) install(p *parser, repos *world, t *tree) int {
	s.log.info("installing runtime packages")
	if len(p.values["--excludepkgs"]) > 0 && !s.DNF4 {
		return traceback("RuntimeError: Transaction needs to be run before calling _filelists")
	}
	bad := false
	for _, spec := range p.values["--installpkgs"] {
		if !repos.want(spec) {
			s.log.error("installpkg %s failed: no package matched %s", spec, spec)
			bad = true
		}
	}
	if bad || s.Fail == "missing" {
		if s.Fail == "missing" {
			s.log.error("installpkg nosuchpkg failed: no package matched nosuchpkg")
		}
		return traceback("RuntimeError: Required installpkg failed.")
	}
	s.log.info("running runtime-install.tmpl")
	for _, name := range s.Runtime {
		repos.want(name)
	}
	s.log.info("Checking dependencies")
	if problems := repos.solve(); len(problems) > 0 || s.Fail == "depsolve" {
		if len(problems) == 0 {
			problems = []string{"nothing provides libnothere.so.1 needed by anaconda-44.12-1.fc44.x86_64"}
		}
		text := "Problem: conflicting requests\n  - " + strings.Join(problems, "\n  - ")
		s.log.error("Dependency check failed: %s", text)
		return traceback("RuntimeError: " + text)
	}
	s.log.info("%d packages selected", len(repos.chosen))
	if len(repos.chosen) == 0 {
		return traceback("RuntimeError: No packages in transaction")
	}
	s.log.info("Downloading packages")
	err := repos.download(filepath.Join(t.temp, "rpms"))
	if s.Fail == "download" {
		err = errors.New("anaconda-44.12-1.fc44.x86_64: Curl error (22): The requested URL returned error: 404")
	}
	if err != nil {
		s.log.error("Failed to download the following packages: %v", err)
		return traceback("RuntimeError: Failed to download packages")
	}
	s.log.info("Preparing transaction from installation source")
	for i, c := range repos.chosen {
		if s.DNF4 {
			s.log.line("INFO", "pylorax.dnfhelper", "(%d/%d) %s", i+1, len(repos.chosen), c.NEVRA())
		} else {
			s.log.line("INFO", "pylorax.dnfhelper", "Install %s", c.NEVRA())
		}
	}
	t.packages = repos.chosen
	return 0
}
