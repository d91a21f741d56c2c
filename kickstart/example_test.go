package kickstart_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/fedora-respin/respin/kickstart"
)

// A side repo is injected into a kickstart; all else stays as it was.
func ExampleDocument_AddRepo() {
	src := `# My spin
url --mirrorlist=https://mirrors.example.org/?repo=fedora-$releasever
lang en_US.UTF-8   # the default

%packages
@core
%end
`
	doc, err := kickstart.Parse("spin.ks", []byte(src), kickstart.Options{Version: kickstart.F44})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := doc.AddRepo(kickstart.Repo{Name: "side", BaseURL: "https://respin.example.org/repos/1/", Cost: 50}); err != nil {
		fmt.Println(err)
		return
	}
	if _, err := doc.WriteTo(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// # My spin
	// url --mirrorlist=https://mirrors.example.org/?repo=fedora-$releasever
	// repo --name=side --baseurl=https://respin.example.org/repos/1/ --cost=50
	// lang en_US.UTF-8   # the default
	//
	// %packages
	// @core
	// %end
}

// Parse refuses what pykickstart refuses and says where and what to do.
func ExampleParse() {
	_, err := kickstart.Parse("spin.ks", []byte("lang en_US.UTF-8\ninstall\n"), kickstart.Options{Version: kickstart.F44})
	if pe, ok := errors.AsType[*kickstart.ParseError](err); ok {
		fmt.Println(pe.Line, pe.Code)
	}
	fmt.Println(err)
	// Output:
	// 2 removed-command
	// spin.ks:2:1: install has been removed.; remove it: installing is what a kickstart does
}

// Validate lists errors and what only ksvalidator complains about.
func ExampleDocument_Validate() {
	doc, err := kickstart.Parse("spin.ks", []byte("part / --size=4096\npart / --size=8192\nkeybord us\n"), kickstart.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range doc.Validate(kickstart.F44) {
		fmt.Println(d, "-", d.Remedy)
	}
	// Output:
	// spin.ks:2:1: warning: A partition with the mountpoint / has already been defined. - keep one of the two lines
	// spin.ks:3:1: error: Unknown command: keybord - did you mean keyboard?
}

// A kickstart is made from what a request says. Root is locked, and the side
// repo is cheaper than all others, so dnf takes its packages.
func ExampleBuild() {
	doc, err := kickstart.Build(kickstart.Spec{
		Profile:  kickstart.ProfileInstaller,
		Version:  kickstart.F44,
		Title:    "A test machine",
		Source:   kickstart.URL{URL: "https://mirror.example.org/44/$basearch/os/"},
		Side:     []kickstart.Repo{{Name: "side", BaseURL: "https://respin.example.org/repos/1/"}},
		Packages: []string{"vim-enhanced"},
		Users:    []kickstart.User{{Name: "ann", Groups: []string{"wheel"}, Gecos: "Ann Example"}},
		Finish:   "poweroff",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := doc.WriteTo(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// #version=F44
	// # A test machine
	//
	// # Language, keyboard, time
	// lang en_US.UTF-8
	// keyboard --vckeymap=us
	// timezone Etc/UTC --utc
	//
	// # System
	// selinux --enforcing
	// firewall --enabled
	// network --bootproto=dhcp --device=link --activate
	// text
	// firstboot --disable
	// poweroff
	//
	// # Users
	// rootpw --lock
	// user --name=ann --groups=wheel --gecos="Ann Example" --lock
	//
	// # Where packages come from
	// url --url=https://mirror.example.org/44/$basearch/os/
	// repo --name=side --baseurl=https://respin.example.org/repos/1/ --cost=999
	//
	// # Disk
	// zerombr
	// clearpart --all --initlabel
	// autopart
	// bootloader --location=mbr
	//
	// %packages
	// vim-enhanced
	// %end
}

// Several side repos at once, whatever the kickstart holds already.
func ExampleDocument_InjectRepos() {
	doc, err := kickstart.Parse("spin.ks", []byte("url --url=http://h/\nrepo --name=updates --mirrorlist=http://m/ --cost=500\n"), kickstart.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	in, err := doc.InjectRepos([]kickstart.Repo{{Name: "updates", BaseURL: "https://respin.example.org/repos/1/"}}, "anaconda*")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(doc)
	fmt.Println(in.Repos[0].Name, in.Repos[0].Cost, in.Notes)
	// Output:
	// url --url=http://h/
	// repo --name=updates --mirrorlist=http://m/ --cost=500 --excludepkgs=anaconda*
	// repo --name=updates-side --baseurl=https://respin.example.org/repos/1/ --cost=499
	// updates-side 499 [The url command cannot exclude packages: a version of anaconda* there that is newer than the side's still wins.]
}

// Commands without a view of their own are read by their option table.
func ExampleDocument_Arguments() {
	doc, err := kickstart.Parse("x.ks", []byte("logvol /var --vgname=vg --name=var --size=500\n"), kickstart.Options{Version: kickstart.F44})
	if err != nil {
		fmt.Println(err)
		return
	}
	for c := range doc.Commands("logvol") {
		a, err := doc.Arguments(c)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(c.Pos(), a.Names(), a.Text("mntpoint"), a.Int("--size"), a.Has("--grow"))
	}
	// Output:
	// x.ks:1:1 [mntpoint --name --size --vgname] /var 500 false
}
