package main

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"os"
	"path/filepath"
)

// formBody writes a form as a browser sends it.
func formBody(parts []part) (io.Reader, string, error) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, p := range parts {
		if !p.file {
			if err := m.WriteField(p.name, p.value); err != nil {
				return nil, "", fmt.Errorf("write form: %w", err)
			}
			continue
		}
		data, err := os.ReadFile(p.value)
		if err != nil {
			return nil, "", fmt.Errorf("write form: %w", err)
		}
		w, err := m.CreateFormFile(p.name, filepath.Base(p.value))
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			return nil, "", fmt.Errorf("write form: %w", err)
		}
	}
	if err := m.Close(); err != nil {
		return nil, "", fmt.Errorf("write form: %w", err)
	}
	return &b, m.FormDataContentType(), nil
}
