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
		_, _ = io.WriteString(w, text) //nolint:gosec // plain text, as the hub says it; the rest is the peer's matter
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
		plain(http.StatusBadRequest, "Invalid request: "+expat(body, err)+"\n")
		return
	}
	if f == (Failures{}) {
		if f = h.strikeCall(call); f.answer(w, r) {
			return
		}
		w = f.cutting(w)
	}
	var answer bytes.Buffer
	result, err := h.answer(r, call, f)
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

// expat says what Python's XML parser says of a request that is none.
func expat(body []byte, err error) string {
	if !errors.Is(err, io.ErrUnexpectedEOF) || body[0] != '<' {
		return "syntax error: line 1, column 0"
	}
	line := 1 + bytes.Count(body, []byte("\n"))
	return fmt.Sprintf("no element found: line %d, column %d", line, len(body)-1-bytes.LastIndexByte(body, '\n'))
}

// faultOf turns an error into a fault; what no method raises is code 1.
func faultOf(err error) (int, string) {
	if fault, ok := errors.AsType[*faultError](err); ok {
		return fault.code, fault.text
	}
	return 1, "<class 'Exception'>: " + err.Error()
}

func (h *Hub) answer(r *http.Request, call wire.Call, f Failures) (any, error) {
	h.note(call.Method)
	switch {
	case f.Offline != "":
		return nil, raise(1014, "%s", f.Offline)
	case f.Fault != nil && (f.Method == "" || f.Method == call.Method):
		return nil, raise(f.Fault.Code, "%s", f.Fault.Text)
	}
	s, err := h.identify(r, call)
	if err != nil {
		return nil, err
	}
	var user *account
	if s != nil {
		user = s.user
	}
	switch call.Method {
	case "login", "sslLogin":
		return h.login(r, call, s)
	case "logout":
		return h.logout(s)
	case "multiCall", "system.multicall":
		return h.multiCall(call.Params, user, f)
	}
	return h.call(call.Method, call.Params, user)
}

func (h *Hub) note(method string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, method)
}

// inner returns the calls inside a multiCall.
func inner(params []any) []wire.Call {
	var list []any
	if len(params) == 1 {
		list, _ = params[0].([]any)
	}
	calls := make([]wire.Call, 0, len(list))
	for _, item := range list {
		m, _ := item.(map[string]any)
		name, _ := m["methodName"].(string)
		args, ok := m["params"].([]any)
		if !ok {
			args = nil
		}
		calls = append(calls, wire.Call{Method: name, Params: args})
	}
	return calls
}

// multiCall answers each call with an array of its result or a fault's struct.
func (h *Hub) multiCall(params []any, user *account, f Failures) (any, error) {
	calls := inner(params)
	results := make([]any, 0, len(calls))
	for _, call := range calls {
		h.note(call.Method)
		var result any
		var err error
		switch {
		case call.Method == "multiCall" || call.Method == "system.multicall":
			err = generic("Recursive system.multicall forbidden")
		case f.Fault != nil && f.Method == call.Method:
			err = raise(f.Fault.Code, "%s", f.Fault.Text)
		default:
			result, err = h.call(call.Method, call.Params, user)
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

func (h *Hub) call(name string, params []any, user *account) (any, error) {
	m, ok := h.methods[name]
	if !ok {
		return nil, generic("Invalid method: %s", name)
	}
	if m.writes {
		h.mu.Lock()
		defer h.mu.Unlock()
	} else {
		h.mu.RLock()
		defer h.mu.RUnlock()
	}
	return h.invoke(m, params, user)
}

// invoke runs a method; the caller holds the lock.
func (h *Hub) invoke(m method, params []any, user *account) (any, error) {
	bound, err := m.bind(params)
	if err != nil {
		return nil, err
	}
	bound[userArg] = user
	return m.run(h, bound)
}
