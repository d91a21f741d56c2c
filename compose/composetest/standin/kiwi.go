package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/fedora-respin/respin/repo"
)

// kiwiLog writes the console and the log in the form of kiwi's logger.py: INFO
// and WARNING to standard output, ERROR to standard error, all of it and DEBUG to
// the file.
func (s *session) kiwiLog(level, format string, args ...any) {
	text := fmt.Sprintf("[ %-8s]: %s | %s\n", level, time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
	if s.kiwiFile != nil {
		_, _ = s.kiwiFile.WriteString(text)
	}
	switch level {
	case "DEBUG":
	case "ERROR":
		_, _ = os.Stderr.WriteString(text)
	default:
		_, _ = os.Stdout.WriteString(text)
	}
}

func (s *session) kiwiInfo(format string, args ...any) { s.kiwiLog("INFO", format, args...) }

// kiwiError ends as main does with every KiwiError.
func (s *session) kiwiError(format string, args ...any) int {
	s.kiwiLog("ERROR", format, args...)
	return 1
}

// kiwiBar is the bar of command_process.py, which overwrites itself.
func (s *session) kiwiBar(done, total int) {
	percent := done * 100 / max(total, 1)
	hashes := strings.Repeat("#", percent*40/100)
	fmt.Printf("\r[ INFO    ]: Processing: [%-40s] %d%%", hashes, percent)
	if percent == 100 {
		fmt.Println()
	}
}

// kiwiJob is one system build.
type kiwiJob struct {
	*session
	global, own  *kiwiArgs
	state        *kiwiState
	target, root string
	isomd5       bool   // media_tag_tool of the configuration
	badConfig    string // what is wrong with its form, said where it is needed
}

// kiwiSystemBuild is SystemBuildTask.process.
func (s *session) kiwiSystemBuild(global, own *kiwiArgs) int {
	j := &kiwiJob{session: s, global: global, own: own, target: own.last("--target-dir", "")}
	if code := j.setUp(); code != 0 {
		return code
	}
	image, err := kiwiLoad(own.last("--description", ""), global.last("--kiwi-file", ""))
	if err != nil {
		return s.kiwiError("%v", err)
	}
	arch := global.last("--target-arch", "x86_64")
	if j.state, err = image.kiwiSelect(global.values["--profile"], global.last("--type", ""), arch); err != nil {
		return s.kiwiError("%v", err)
	}
	s.kiwiInfo("--> loaded %s", filepath.Join(own.last("--description", ""), global.last("--kiwi-file", "config.xml")))
	s.kiwiInfo("--> Selected build type: %s", j.state.build.Image)
	if j.state.version == "" {
		return s.kiwiError("KiwiRuntimeError: No version is defined in any of the <preferences> sections.")
	}
	if j.state.build.Image == "iso" && j.state.build.Flags != "dmsquash" && !slices.Contains(j.state.names("bootstrap", "image", "iso"), "dracut-kiwi-live") {
		return s.kiwiError("KiwiRuntimeError: Required dracut module package missing in package list")
	}
	if j.state.build.MediaCheck && j.badConfig != "" {
		return s.kiwiError("%s", j.badConfig)
	}
	for _, set := range own.values["--set-type-attr"] {
		attribute, value, _ := strings.Cut(set, "=")
		s.kiwiInfo("--> Set <type ... %s=\"%s\" .../>", attribute, value)
		if !j.state.set(attribute, value) {
			s.kiwiLog("ERROR", "Failed to set type attribute: 'type_' object has no attribute 'set_%s'", attribute)
			return 0 // as the real one does
		}
	}
	if v := own.last("--set-release-version", ""); v != "" {
		s.kiwiInfo("--> Set <release-version> = %s", v)
		j.state.release = v
	}
	return j.prepare()
}

// setUp is what comes before the description is read: rights, directories, log,
// configuration.
func (j *kiwiJob) setUp() int {
	if temp := j.global.last("--temp-dir", os.TempDir()); !exists(temp) {
		j.kiwiLog("ERROR", "Unexpected error:")
		return traceback("FileNotFoundError: [Errno 2] No such file or directory: '" + temp + "/kiwi_root'")
	}
	if file := j.global.last("--config", ""); file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			return j.kiwiError("KiwiRuntimeConfigFileError: Custom config file '%s' not found", file)
		}
		j.readConfig(data)
	}
	file := j.global.last("--logfile", "")
	openLog := func(name string) int {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
		if err != nil {
			return j.kiwiError("KiwiLogFileSetupFailed: FileNotFoundError: [Errno 2] No such file or directory: '%s'", name)
		}
		j.kiwiFile = f
		return 0
	}
	if file != "" && file != "stdout" {
		if code := openLog(file); code != 0 {
			return code
		}
	}
	j.kiwiInfo("Loading XML description: %s (by a stand-in, for tests only)", j.own.last("--description", ""))
	if os.Geteuid() != 0 && !j.AnyUser {
		return j.kiwiError("KiwiPrivilegesError: operation requires root permissions")
	}
	if err := os.MkdirAll(filepath.Join(j.target, "build"), 0o755); err != nil {
		return j.kiwiError("KiwiCommandError: %v", err)
	}
	if file == "" {
		return openLog(filepath.Join(j.target, "build", "image-root.log"))
	}
	return 0
}

// readConfig reads the runtime configuration, whose sections are lists of settings
// up to kiwi 10, and mappings since.
func (j *kiwiJob) readConfig(data []byte) {
	var sections map[string]yaml.Node
	if err := yaml.Unmarshal(data, &sections); err != nil {
		j.badConfig = "KiwiRuntimeConfigFormatError: " + err.Error()
		return
	}
	node := sections["iso"]
	if list := node.Kind == yaml.SequenceNode; list == j.typer() {
		j.badConfig = "KiwiRuntimeConfigFormatError: AttributeError: 'list' object has no attribute 'items'"
		return
	}
	j.isomd5 = strings.Contains(string(data), "media_tag_tool: isomd5sum")
}

// prepare makes the root, sets repositories up, and installs.
func (j *kiwiJob) prepare() int {
	sources, code := j.sources()
	if code != 0 {
		return code
	}
	j.kiwiInfo("Preparing new root system")
	j.root = filepath.Join(j.target, "build", "image-root")
	j.kiwiInfo("Setup root directory: %s", j.root)
	if exists(j.root) && !j.own.has("--allow-existing-root") {
		return j.kiwiError("KiwiRootDirExists: Root directory %s already exists", j.root)
	}
	if err := os.MkdirAll(j.root, 0o755); err != nil {
		return j.kiwiError("KiwiRootInitCreationError: %v", err)
	}
	w, code := j.world(sources)
	if code != 0 {
		return code
	}
	if code := j.install(w); code != 0 {
		return code
	}
	if err := j.image(w); err != nil {
		return j.kiwiError("%v", err)
	}
	return 0
}

// kiwiSource is one repository before its URI was translated.
type kiwiSource struct{ uri, alias, priority, kind string }

// sources are the repositories that count: of the description, and --add-repo.
func (j *kiwiJob) sources() ([]kiwiSource, int) {
	var list []kiwiSource
	for _, r := range j.state.Repos {
		if r.ImageOnly || !j.state.counts(r.kiwiSection) || j.own.has("--ignore-repos") || j.own.has("--ignore-repos-used-for-build") {
			continue
		}
		list = append(list, kiwiSource{r.Source.Path, r.Alias, r.Priority, r.SourceType})
	}
	for _, value := range j.own.values["--add-repo"] {
		fields := append(strings.SplitN(value, ",", 11), make([]string, 11)...)
		if value == "" {
			j.kiwiLog("ERROR", "Unexpected error:")
			return nil, traceback("AttributeError: 'NoneType' object has no attribute 'startswith'")
		}
		list = append(list, kiwiSource{fields[0], fields[2], fields[3], fields[10]})
	}
	if len(list) == 0 {
		return nil, j.kiwiError("KiwiRuntimeError: No repositories configured")
	}
	return list, 0
}

// world loads the repositories: those of a local path that is not there are
// passed over, with a warning (system/prepare.py, setup_repositories).
func (j *kiwiJob) world(list []kiwiSource) (*world, int) {
	cache := filepath.Join(j.global.last("--shared-cache-dir", "/var/cache/kiwi"), "dnf")
	w := &world{arch: j.state.arch}
	byAlias := map[string]*source{}
	var order []string
	for _, r := range list {
		j.kiwiInfo("Setting up repository %s", r.uri)
		where, local, wrong := kiwiTranslate(r.uri)
		if wrong != "" {
			return nil, j.kiwiError("%s", wrong)
		}
		j.kiwiInfo("--> Alias: %s", r.alias)
		if local && !exists(where) {
			j.kiwiLog("WARNING", "repository %s does not exist and will be skipped", r.uri)
			continue
		}
		src := &source{id: r.alias, priority: 99, cost: 1000}
		if n, err := strconv.Atoi(r.priority); err == nil && n != 0 {
			src.priority = n
			j.kiwiInfo("--> Priority: %d", n)
		}
		if local {
			where = "file://" + where
		}
		where = strings.NewReplacer("$releasever", j.state.release, "$basearch", j.state.arch).Replace(where)
		switch r.kind {
		case "metalink":
			src.location = repo.Location{Metalink: where}
		case "mirrorlist":
			src.location = repo.Location{Mirrorlist: where}
		default:
			src.location = repo.Location{BaseURLs: []string{where}}
		}
		if _, twice := byAlias[r.alias]; !twice { // one .repo file for each alias: the last one stays
			order = append(order, r.alias)
		}
		byAlias[r.alias] = src
	}
	j.kiwiInfo("Using package manager backend: %s", j.state.manager)
	// The .repo files stand in the shared cache: what another build left goes.
	repos := filepath.Join(cache, "repos")
	if err := errors.Join(os.RemoveAll(repos), os.MkdirAll(repos, 0o755)); err != nil {
		return nil, j.kiwiError("KiwiRepositorySetupError: %v", err)
	}
	for _, alias := range order {
		err := os.WriteFile(filepath.Join(repos, alias+".repo"), fmt.Appendf(nil, "[%s]\npriority=%d\n", alias, byAlias[alias].priority), 0o644)
		if err == nil {
			err = w.load(byAlias[alias], cache)
		}
		if err != nil {
			return nil, j.kiwiError("KiwiCommandError: dnf5: stderr: Failed to download metadata for repository %q: %v", alias, err)
		}
	}
	return w, 0
}

// kiwiTranslate is Uri.translate: no escapes are resolved in local paths, and what
// stands behind ";" or "#" is lost.
func kiwiTranslate(uri string) (where string, local bool, wrong string) {
	u, err := url.Parse(uri)
	switch {
	case strings.HasPrefix(uri, "/"):
		return uri, true, ""
	case err != nil || u.Scheme == "":
		return "", false, "KiwiUriStyleUnknown: URI scheme not detected " + uri
	case u.Scheme == "dir", u.Scheme == "file":
		raw := strings.TrimPrefix(uri, u.Scheme+"://")
		if i := strings.IndexAny(raw, ";#?"); i >= 0 {
			raw = raw[:i]
		}
		return raw, true, ""
	case u.Scheme == "http", u.Scheme == "https", u.Scheme == "ftp":
		clean, _, _ := strings.Cut(uri, "#")
		clean, _, _ = strings.Cut(clean, ";")
		return clean, false, ""
	}
	return "", false, "KiwiUriStyleUnknown: URI schema " + uri + " not supported"
}

// pickName chooses a package by dnf's rules: priority before version.
func (w *world) pickName(spec string) bool {
	found := false
	for _, c := range w.all {
		if ok, _ := path.Match(spec, c.Name); !ok {
			continue
		}
		if best := w.pick(func(o *candidate) bool { return o.Name == c.Name }); best != nil {
			w.choose(best)
			found = true
		}
	}
	return found
}

// install installs bootstrap, system and requested packages, and removes what
// was asked to be removed.
func (j *kiwiJob) install(w *world) int {
	j.kiwiInfo("Installing bootstrap packages")
	if code := j.transaction(w, "KiwiBootStrapPhaseFailed: Bootstrap package installation failed", append(j.state.names("bootstrap"), j.own.values["--add-bootstrap-package"]...)); code != 0 {
		return code
	}
	j.kiwiInfo("Installing system (chroot) for build type: %s", j.state.build.Image)
	if code := j.transaction(w, "KiwiInstallPhaseFailed: System package installation failed", j.state.names("image", j.state.build.Image)); code != 0 {
		return code
	}
	if list := j.own.values["--add-package"]; len(list) > 0 {
		j.kiwiInfo("Installing system packages (chroot)")
		if code := j.transaction(w, "KiwiSystemInstallPackagesFailed: Package installation failed", list); code != 0 {
			return code
		}
	}
	if list := j.own.values["--delete-package"]; len(list) > 0 {
		j.kiwiInfo("Uninstall system packages (chroot)")
		w.remove(list)
	}
	if j.Fail == "script" {
		j.kiwiInfo("Calling config.sh script")
		return j.kiwiError("KiwiScriptFailed: config.sh failed: /image/config.sh: line 9: setsebool: command not found")
	}
	return 0
}

// remove takes packages out, and what requires them.
func (w *world) remove(specs []string) {
	gone := func(c *candidate) bool {
		return slices.ContainsFunc(specs, func(s string) bool { ok, _ := path.Match(s, c.Name); return ok })
	}
	for before := -1; before != len(w.chosen); {
		before = len(w.chosen)
		w.chosen = slices.DeleteFunc(w.chosen, func(c *candidate) bool {
			return gone(c) || slices.ContainsFunc(c.Requires, func(r repo.Relation) bool {
				return !strings.HasPrefix(r.Name, "rpmlib(") && !strings.HasPrefix(r.Name, "(") && !w.met(r)
			})
		})
	}
}

func (j *kiwiJob) transaction(w *world, headline string, names []string) int {
	for _, name := range names {
		j.kiwiInfo("--> package: %s", name)
	}
	j.kiwiBar(0, len(names))
	fail := func(reason string) int {
		j.kiwiBar(1, 1)
		return j.kiwiError("%s: %s", headline, reason)
	}
	switch j.Fail {
	case "missing":
		names = append(names, "no-such-package")
	case "depsolve":
		return fail("Failed to resolve the transaction:\nProblem: conflicting requests\n  - nothing provides libmissing.so.1()(64bit) needed by hello-9-1.fc44.noarch from release")
	case "download":
		return fail("Failed to download packages\n Librepo error: Cannot download Packages/h/hello-9-1.fc44.noarch.rpm: All mirrors were tried")
	case "disk":
		return fail("Transaction failed: Rpm transaction failed.\n  - installing package hello-9-1.fc44.noarch needs 12MB more space on the / filesystem")
	}
	for i, name := range names {
		if !w.pickName(name) {
			return fail("Failed to resolve the transaction:\nNo match for argument: " + name)
		}
		j.kiwiBar(i+1, len(names))
	}
	if problems := w.solve(); len(problems) > 0 {
		return fail("Failed to resolve the transaction:\nProblem: conflicting requests\n  - " + strings.Join(problems, "\n  - "))
	}
	return 0
}

// resultJSON is kiwi.result.json: named tuples, which simplejson writes as objects.
func resultJSON(files map[string]string) ([]byte, error) {
	out := map[string]any{}
	for key, name := range files {
		out[key] = map[string]any{"filename": name, "use_for_bundle": true, "compress": false, "shasum": true}
	}
	return json.MarshalIndent(out, "", "    ")
}
