package kojitest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/fedora-respin/respin/koji/internal/wire"
)

// maxRequest is a stock hub's MaxRequestLength.
const maxRequest = 4 << 20

// faultError is what a method raises.
type faultError struct {
	code int
	text string
}

func (e *faultError) Error() string { return fmt.Sprintf("fault %d: %s", e.code, e.text) }

func raise(code int, format string, args ...any) error {
	return &faultError{code, fmt.Sprintf(format, args...)}
}

// generic is koji.GenericError.
func generic(format string, args ...any) error { return raise(1000, format, args...) }

// serveCall answers like kojixmlrpc.application.
func (h *Hub) serveCall(w http.ResponseWriter, r *http.Request, f Failures) {
	w.Header().Set("Koji-Version", Version)
	plain := func(status int, text string) {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text) // the peer's matter
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		plain(http.StatusMethodNotAllowed, "Method Not Allowed\nThis is an XML-RPC server. Only POST requests are accepted.\n")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	switch {
	case err != nil:
		plain(http.StatusRequestTimeout, "Request Timeout")
		return
	case len(body) == 0:
		plain(http.StatusBadRequest, "Invalid request: Empty request\n")
		return
	case len(body) > maxRequest:
		plain(http.StatusBadRequest, "Invalid request: Request too long\n")
		return
	}
	call, err := wire.DecodeCall(bytes.NewReader(body), wire.Limits{})
	if err != nil {
		plain(http.StatusBadRequest, "Invalid request: syntax error: line 1, column 0\n")
		return
	}
	var answer bytes.Buffer
	result, err := h.answer(call, f)
	if err == nil {
		err = wire.EncodeResponse(&answer, result)
	}
	if err != nil {
		answer.Reset()
		code, text := faultOf(err)
		err = wire.EncodeFault(&answer, code, text)
	}
	if err != nil {
		plain(http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", fmt.Sprint(answer.Len()))
	_, _ = w.Write(answer.Bytes()) // the peer's matter
}

// faultOf turns an error into a fault; what no method raises is code 1.
func faultOf(err error) (int, string) {
	if fault, ok := errors.AsType[*faultError](err); ok {
		return fault.code, fault.text
	}
	return 1, "<class 'Exception'>: " + err.Error()
}

func (h *Hub) answer(call wire.Call, f Failures) (any, error) {
	h.note(call.Method)
	if f.Offline != "" {
		return nil, raise(1014, "%s", f.Offline)
	}
	if call.Method == "multiCall" || call.Method == "system.multicall" {
		return h.multiCall(call.Params)
	}
	return h.call(call.Method, call.Params)
}

func (h *Hub) note(method string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, method)
}

// multiCall answers each call with an array of its result or a fault's struct.
func (h *Hub) multiCall(params []any) (any, error) {
	var list []any
	if len(params) == 1 {
		list, _ = params[0].([]any)
	}
	results := make([]any, 0, len(list))
	for _, item := range list {
		call, _ := item.(map[string]any)
		name, _ := call["methodName"].(string)
		args, ok := call["params"].([]any)
		if !ok {
			return nil, raise(1019, "multiCall() needs an array of {methodName, params}")
		}
		h.note(name)
		result, err := h.call(name, args)
		if name == "multiCall" || name == "system.multicall" {
			err = generic("Recursive system.multicall forbidden")
		}
		if err == nil { // what cannot be encoded is that call's failure
			err = wire.EncodeResponse(io.Discard, result)
		}
		if err != nil {
			code, text := faultOf(err)
			results = append(results, wire.Struct{{Name: "faultCode", Value: code}, {Name: "faultString", Value: text}})
			continue
		}
		results = append(results, []any{result})
	}
	return results, nil
}

func (h *Hub) call(name string, params []any) (any, error) {
	m, ok := h.methods[name]
	if !ok {
		return nil, generic("Invalid method: %s", name)
	}
	bound, err := m.bind(params)
	if err != nil {
		return nil, err
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return m.run(h, bound)
}
