package queue_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/fedora-respin/respin/queue"
)

// Validate names every bad field at once.
func ExampleJob_Validate() {
	err := queue.Job{ID: "c1", Kind: "", Arch: "x86 64", Payload: json.RawMessage(`{`)}.Validate()
	fmt.Println(err)
	var field *queue.FieldError
	fmt.Println(errors.As(err, &field), field.Field)
	// Output:
	// kind must not be empty
	// arch must consist of letters, digits, _ and -
	// payload must be valid JSON
	// true kind
}
