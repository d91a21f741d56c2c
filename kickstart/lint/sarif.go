package lint

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// SARIFOptions say who wrote a SARIF log.
type SARIFOptions struct {
	Version string // of this program; may be empty
	URI     string // where it is described; may be empty
}

// sarifSchema and sarifVersion name the format (OASIS, "Static Analysis Results
// Interchange Format Version 2.1.0").
const (
	sarifSchema  = "https://json.schemastore.org/sarif-2.1.0.json"
	sarifVersion = "2.1.0"
)

// The parts of a SARIF log that are written.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri,omitempty"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string      `json:"id"`
		ShortDescription     sarifText   `json:"shortDescription"`
		FullDescription      sarifText   `json:"fullDescription"`
		DefaultConfiguration sarifConfig `json:"defaultConfiguration"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
)

// WriteSARIF writes findings, of one or several kickstarts, as a SARIF 2.1.0
// log with one run. Whole lines are marked.
func WriteSARIF(w io.Writer, findings []Finding, opts SARIFOptions) error {
	run := sarifRun{
		Tool:       sarifTool{sarifDriver{Name: "respin kickstart lint", Version: opts.Version, InformationURI: opts.URI, Rules: []sarifRule{}}},
		ColumnKind: "unicodeCodePoints", Results: []sarifResult{},
	}
	index := map[string]int{}
	for i, r := range rules() {
		index[r.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{r.ID, sarifText{r.Summary}, sarifText{r.Reason}, sarifConfig{r.Severity.String()}})
	}
	for _, f := range findings {
		i, ok := index[f.Rule]
		if !ok {
			return fmt.Errorf("write SARIF: there is no rule %s", quote(f.Rule))
		}
		text := f.Message
		if f.Remedy != "" {
			text += "; " + f.Remedy
		}
		place := sarifPhysical{Artifact: sarifArtifact{fileURI(f.Pos.File)}}
		if f.Pos.Line > 0 {
			place.Region = &sarifRegion{f.Pos.Line}
		}
		run.Results = append(run.Results, sarifResult{f.Rule, i, f.Severity.String(), sarifText{text + "."}, []sarifLocation{{place}}})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(sarifLog{sarifSchema, sarifVersion, []sarifRun{run}}); err != nil {
		return fmt.Errorf("write SARIF: %w", err)
	}
	return nil
}

// fileURI is a path as a URI reference: relative ones stay relative.
func fileURI(file string) string {
	if strings.Contains(file, "://") {
		return file
	}
	u := url.URL{Path: filepath.ToSlash(file)}
	if strings.HasPrefix(u.Path, "/") {
		u.Scheme = "file"
	}
	return u.String()
}
