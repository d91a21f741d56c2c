package updateinfo_test

import (
	"fmt"
	"os"
	"time"

	"github.com/fedora-respin/respin/repo/updateinfo"
)

func ExampleWrite() {
	err := updateinfo.Write(os.Stdout, []updateinfo.Update{{
		ID: "FEDORA-2026-1a2b3c4d5e", Type: "security", Severity: "Important", Title: "hello-2.12-1.fc44",
		Issued:     updateinfo.FormatDate(time.Unix(1767225600, 0)),
		References: []updateinfo.Reference{{Type: "bugzilla", ID: "7", Href: "https://bugzilla.example.org/7", Title: "hello crashes"}},
		Collections: []updateinfo.Collection{{Short: "F44", Name: "Fedora 44", Packages: []updateinfo.Package{{
			Name: "hello", Epoch: "0", Version: "2.12", Release: "1.fc44", Arch: "x86_64", Filename: "hello-2.12-1.fc44.x86_64.rpm",
		}}}},
	}})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// <?xml version="1.0" encoding="UTF-8"?>
	// <updates>
	//   <update type="security">
	//     <id>FEDORA-2026-1a2b3c4d5e</id>
	//     <title>hello-2.12-1.fc44</title>
	//     <issued date="2026-01-01 00:00:00"/>
	//     <severity>Important</severity>
	//     <references>
	//       <reference href="https://bugzilla.example.org/7" id="7" type="bugzilla" title="hello crashes"/>
	//     </references>
	//     <pkglist>
	//       <collection short="F44">
	//         <name>Fedora 44</name>
	//         <package name="hello" version="2.12" release="1.fc44" epoch="0" arch="x86_64">
	//           <filename>hello-2.12-1.fc44.x86_64.rpm</filename>
	//         </package>
	//       </collection>
	//     </pkglist>
	//   </update>
	// </updates>
}
