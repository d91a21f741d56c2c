package diagnose_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/fedora-respin/respin/compose/diagnose"
)

func Example() {
	lorax := strings.NewReader(`2025-05-05 10:00:00,000: running runtime-install.tmpl
2025-05-05 10:00:11,210: Dependency check failed: Problem: conflicting requests
  - nothing provides libfoo.so.3()(64bit) needed by anaconda-core-44.12-1.fc44.x86_64 from side
2025-05-05 10:00:11,211: template command error in runtime-install.tmpl:
`)
	v, err := diagnose.New(diagnose.Options{}).Read(context.Background(), []diagnose.Log{{Name: "lorax.log", Reader: lorax}}, diagnose.Facts{Tool: "lorax", Exit: 1})
	if err != nil {
		panic(err)
	}
	fmt.Println(v.Code)
	fmt.Println(v.Sentence)
	fmt.Println(v.Evidence[1])
	// Output:
	// dependency-problem
	// The packages do not fit together: nothing provides libfoo.so.3()(64bit) needed by anaconda-core-44.12-1.fc44.x86_64 from side.
	// lorax.log:3: - nothing provides libfoo.so.3()(64bit) needed by anaconda-core-44.12-1.fc44.x86_64 from side
}
